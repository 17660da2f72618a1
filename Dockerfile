# syntax=docker/dockerfile:1
# The dashboard for a team. It listens to the outside, so it does not start without a login (README, Safety):
#   docker build -t bir .
#   docker run --rm -it bir python -m bir_core password            # prints the hash
#   docker run -p 127.0.0.1:8501:8501 -e BIR_PASSWORD_HASH=... -v bir-runs:/runs -v bir-data:/data bir
# With an NVIDIA card: docker build --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cu130 -t bir . and --gpus all
ARG PYTHON=3.11.14
FROM python:${PYTHON}-slim-trixie

# PyTorch's own index: "cpu" is 0.2 GB, a "cuNNN" brings the CUDA libraries of that version.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
ARG REQUIREMENTS=requirements.txt

ENV PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1

RUN groupadd --gid 10001 bir && \
    useradd --uid 10001 --gid bir --no-create-home --home-dir /data --shell /usr/sbin/nologin bir && \
    install -d -o bir -g bir /runs /data

WORKDIR /app
COPY requirements.txt requirements-login.txt pyproject.toml LICENSE README.md ./
COPY bir_core/__init__.py bir_core/__init__.py
COPY dashboard/__init__.py dashboard/__init__.py
RUN pip install --index-url "${TORCH_INDEX}" --extra-index-url https://pypi.org/simple \
        "$(grep '^torch==' requirements.txt)" "$(grep '^torchvision==' requirements.txt)" && \
    pip install -r "${REQUIREMENTS}"

COPY .streamlit/config.toml .streamlit/config.toml
COPY assets assets
COPY bir_core bir_core
COPY dashboard dashboard

# Told its own name, Streamlit does not ask the internet for this machine's address.
ENV BIR_RUNS=/runs \
    BIR_DATA_DIR=/data \
    STREAMLIT_SERVER_ADDRESS=0.0.0.0 \
    STREAMLIT_BROWSER_SERVER_ADDRESS=localhost

USER 10001:10001
VOLUME ["/runs", "/data"]
EXPOSE 8501

HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8501/api/health', timeout=4)"]

CMD ["streamlit", "run", "dashboard/app.py", "--server.port", "8501"]
