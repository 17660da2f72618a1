"""The choices that a detector or a treatment leaves open: one frozen section per method, ``methods.NAME`` in a run.

No torch here: the dashboard's forms and ``--help`` come from the same fields. Defaults marked [D] in
the specification are ours; none of them was chosen by looking at test images.
"""

from typing import Literal

from pydantic import Field

from bir_core.sections import Positive, Rate, Section

Curvature = Literal["identity", "diagonal_fisher", "empirical_fisher", "gauss_newton"]


class LinearInfluenceOptions(Section):
    """Which curvature the influence is taken with, and how it is solved."""

    curvature: Curvature | Literal["auto"] = Field(
        "auto", description="auto: the full empirical Fisher where it fits memory_mb, else Gauss-Newton"
    )
    damping: Rate | None = Field(
        None, description="added to the curvature's diagonal; empty: 0.1 full Fisher, 0.01 Gauss-Newton, 0.001 diagonal"
    )
    max_iterations: Positive = Field(100, description="of the conjugate gradients")
    tolerance: Rate = Field(1e-3, description="relative residual at which the conjugate gradients stop")
    memory_mb: Positive = Field(
        4096, description="most that the full Fisher may take: gradients (N x P) and their products (N x N)"
    )


class EwcInfluenceOptions(Section):
    """How hard the anchor holds the base model while it learns its failures on the reserved set."""

    strength: float = Field(1.0, ge=0, description="of the anchor, in multiples of the natural weight N / |D_f|")
    learning_rate: Rate = 1e-3
    batch_size: Positive = 16
    patience: Positive = 5
    max_epochs: Positive = 100


class SgdInfluenceOptions(Section):
    """The SGD twin whose training steps are traced back."""

    learning_rate: Rate = Field(0.1, description="of the twin, which learns by plain SGD")
    batch_size: Positive = 64
    epochs: Positive = Field(60, description="of the twin")
    last_epochs: Positive | None = Field(None, description="trace only so many epochs back; empty: all of them")


class ReservedOnlyOptions(Section):
    """The small network that sees nothing but the reserved set."""

    epochs: Positive = 60
    learning_rate: Rate = 1e-3
    batch_size: Positive = 16


class NeighbourOptions(Section):
    """How many nearest neighbours in feature space have a say."""

    num_neighbours: Positive = 10


class CleanlabOptions(Section):
    """Out-of-sample beliefs come from a cross-validation of the base recipe."""

    folds: int = Field(5, ge=2)


class TrakOptions(Section):
    """The random projection of the gradients."""

    projection: int = Field(512, ge=2, description="dimensions")


class NewtonRemovalOptions(Section):
    """One Newton step on the remaining data, held in a trust region."""

    damping: Rate = Field(1e-2, description="per remaining sample, added to the Gauss-Newton diagonal")
    max_iterations: Positive = 100
    tolerance: Rate = 1e-3
    trust: Rate = Field(0.1, description="largest step as a share of the parameters' norm")


class EwcDeletionOptions(Section):
    """How the suspects are unlearned while an anchor holds what the remaining data know."""

    ascent: float = Field(1.0, ge=0, description="weight of the suspects' loss, which is raised")
    strength: float = Field(1.0, ge=0, description="of the anchor, in multiples of the natural weight N / K")
    learning_rate: Rate = 1e-3
    batch_size: Positive = 16
    patience: Positive = 5
    max_epochs: Positive = 30


class MethodsConfig(Section):
    """The options of every method that has any."""

    linear_influence: LinearInfluenceOptions = LinearInfluenceOptions()
    ewc_influence: EwcInfluenceOptions = EwcInfluenceOptions()
    sgd_influence: SgdInfluenceOptions = SgdInfluenceOptions()
    reserved_only: ReservedOnlyOptions = ReservedOnlyOptions()
    knn_shapley: NeighbourOptions = NeighbourOptions()
    deep_knn: NeighbourOptions = NeighbourOptions()
    cleanlab: CleanlabOptions = CleanlabOptions()
    trak: TrakOptions = TrakOptions()
    newton_removal: NewtonRemovalOptions = NewtonRemovalOptions()
    ewc_deletion: EwcDeletionOptions = EwcDeletionOptions()
