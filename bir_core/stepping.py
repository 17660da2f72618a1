"""One step of Adam on one batch. On CUDA a step is recorded once and then replayed.

A small network's step is some three hundred kernels, which take longer to launch one by one than to run. A CUDA graph
launches them together; it computes the same, and repeats bit for bit like everything else.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from bir_core.models.foreign import Foreign

Loss = Callable[[Tensor, Tensor], Tensor]
"""(B, L) logits and (B, L) targets -> the batch's mean loss."""
Penalty = Callable[[Sequence[nn.Parameter]], Tensor]
"""The parameters that learn -> what is added to the loss at every step, and to the loss that is watched."""

Outcome = tuple[Tensor, Tensor]
"""What a step has found before it moved the weights: the scalar loss with its penalty, and (B, L) logits."""

WARM_UP = 3
"""Steps taken kernel by kernel before one is recorded: Adam's state is made then, and cuDNN chooses its kernels."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Step:
    """One step of training in place, in the mode that the network is in.

    Attributes:
        network: what is run.
        learning: its parameters that are moved.
        optimizer: Adam over these, whose state starts fresh.
        loss: what is lowered.
        penalty: lowered with it; None = nothing.
        clip_norm: the step's gradient is no longer than this; None leaves it as it is.
    """

    network: nn.Module
    learning: tuple[nn.Parameter, ...]
    optimizer: torch.optim.Optimizer
    loss: Loss
    penalty: Penalty | None = None
    clip_norm: float | None = None

    def __call__(self, batch: Tensor, targets: Tensor) -> Outcome:
        """Move the parameters by what (B, ...) inputs and their (B, L) targets ask for."""
        self.optimizer.zero_grad()
        logits = self.network(batch)
        lowered = self.loss(logits, targets)
        if self.penalty is not None:
            lowered = lowered + self.penalty(self.learning)
        lowered.backward()
        if self.clip_norm is not None:
            nn.utils.clip_grad_norm_(self.learning, self.clip_norm)
        self.optimizer.step()
        return lowered.detach(), logits.detach()


@dataclass(kw_only=True, eq=False)
class Replayed:
    """A step on CUDA: recorded after ``WARM_UP`` batches, then replayed for every batch of that size.

    Batches of another size, such as an epoch's last, go kernel by kernel. What a call returns is valid until the next.
    The network must keep the mode, and the parameters that learn, of the first call.
    """

    step: Step
    _stream: torch.cuda.Stream = field(default_factory=torch.cuda.Stream, init=False)
    _graph: torch.cuda.CUDAGraph | None = field(default=None, init=False)
    _batch: Tensor = field(init=False)
    _targets: Tensor = field(init=False)
    _outcome: Outcome = field(init=False)
    _taken: int = field(default=0, init=False)

    def __call__(self, batch: Tensor, targets: Tensor) -> Outcome:
        """The same as the step's own."""
        if self._graph is None and self._taken >= WARM_UP:
            self._record(batch, targets)
        if self._graph is None or batch.shape != self._batch.shape:
            return self._directly(batch, targets)
        self._batch.copy_(batch)
        self._targets.copy_(targets)
        self._graph.replay()
        return self._outcome

    def _directly(self, batch: Tensor, targets: Tensor) -> Outcome:
        """On the stream of the recording, where autograd then finds everything that it made before."""
        here = torch.cuda.current_stream()
        self._stream.wait_stream(here)
        with torch.cuda.stream(self._stream):
            outcome = self.step(batch, targets)
        here.wait_stream(self._stream)
        self._taken += 1
        return outcome

    def _record(self, batch: Tensor, targets: Tensor) -> None:
        """Write down a step's kernels, none of which runs yet."""
        self._batch, self._targets = batch.clone(), targets.clone()
        graph = torch.cuda.CUDAGraph()
        # Other threads of the process may use CUDA meanwhile.
        with torch.cuda.graph(graph, stream=self._stream, capture_error_mode="thread_local"):
            self._outcome = self.step(self._batch, self._targets)
        self._graph = graph


@contextmanager
def without_denormals() -> Iterator[None]:
    """Take numbers next to zero for zero in this thread.

    Where a unit has gone silent, Adam's moments and the gradients decay into denormal numbers, with which a CPU
    computes many times slower: a fifth of a long fine-tuning went by with them. None is large enough to move a weight.
    """
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


def adam(parameters: Sequence[nn.Parameter], learning_rate: float) -> torch.optim.Adam:
    """A fresh Adam, of a kind that can be recorded where its parameters are on CUDA."""
    on_cuda = parameters[0].device.type == "cuda"
    return torch.optim.Adam(parameters, lr=learning_rate, fused=True, capturable=on_cuda)


def fastest(step: Step, whole: nn.Module) -> Step | Replayed:
    """The step as it is taken fastest where its parameters are.

    Args:
        step: the step.
        whole: the network that the step's is a part of. One from elsewhere may decide by numbers what it computes,
            which a recording would not follow.
    """
    on_cuda = step.learning[0].device.type == "cuda"
    return Replayed(step=step) if on_cuda and not isinstance(whole, Foreign) else step
