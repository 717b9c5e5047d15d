# Three images from one file; each installs exactly the versions of its constraints file.
#
#     docker build --tag lengthwise .                                 the command (CPU)
#     docker build --tag lengthwise-tfx --target tfx .                the same inside TFX; its base needs glibc >= 2.39
#     docker build --tag lengthwise-beam --target beam-worker .       for Beam's --sdk_container_image
#
#     build (dependencies) ───┬─> runtime ──> beam-worker <── beam-sdk (Beam's own boot program)
#     package (our wheel) ────┤
#     tfx-build (dependencies)┴─> tfx
#
# Dependencies and wheel are separate layers: a new version of lengthwise is a download of a few hundred kB.
ARG BASE_IMAGE=docker.io/library/python:3.11-slim-bookworm
ARG TFX_BASE_IMAGE=docker.io/library/python:3.11-slim-trixie
ARG BEAM_IMAGE=docker.io/apache/beam_python3.11_sdk:2.77.0

# ------------------------------------------------------------------------------------------------------------- build
FROM ${BASE_IMAGE} AS build
ARG EXTRAS=prepare,demo,gcp,aws
ENV UV_LINK_MODE=copy UV_NO_CACHE=1 UV_COMPILE_BYTECODE=1 VIRTUAL_ENV=/opt/lengthwise
RUN python3 -m venv "$VIRTUAL_ENV" && python3 -m venv /opt/uv && /opt/uv/bin/pip install --quiet --no-cache-dir uv
COPY constraints.txt pyproject.toml /src/
# TensorFlow without GPU kernels (0.6 GB): this image has no driver libraries for them. C++ headers and the tests of
# other packages are removed: nothing here compiles against them.
RUN sed -n 's/^tensorflow==/tensorflow-cpu==/p' /src/constraints.txt > /src/cpu.txt \
    && echo 'tensorflow ; python_version < "3"' > /src/override.txt \
    && cd /src && /opt/uv/bin/uv pip install --constraint constraints.txt --override override.txt \
        --requirement cpu.txt --requirement pyproject.toml $(printf -- '--extra %s ' $(echo "$EXTRAS" | tr , ' ')) \
    && cd "$VIRTUAL_ENV"/lib/python3*/site-packages \
    && rm -rf tensorflow/include pyarrow/include pyarrow/tests pandas/tests numpy/*/tests clang

FROM ${BASE_IMAGE} AS package
RUN python3 -m venv /opt/pip
COPY pyproject.toml README.md LICENSE /src/
COPY configs /src/configs
COPY pipeline /src/pipeline
COPY cli /src/cli
RUN /opt/pip/bin/pip wheel --quiet --no-cache-dir --no-deps --wheel-dir /dist /src

# ----------------------------------------------------------------------------------------------------------- runtime
FROM ${BASE_IMAGE} AS runtime
# tini is process 1: it forwards SIGTERM and SIGINT to the command, which ends its run cleanly, and reaps its workers.
RUN apt-get update -q && apt-get install -y -q --no-install-recommends tini && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --no-create-home --home-dir /tmp lengthwise \
    && install --directory --mode 1777 /data /journal
COPY --from=build /opt/lengthwise /opt/lengthwise
# The wheel stays in the image: `--extra_package` sends it to the workers of a cluster.
COPY --from=package /dist /opt/lengthwise/dist
RUN /opt/lengthwise/bin/pip install --quiet --no-cache-dir --no-index --no-deps /opt/lengthwise/dist/*.whl
# HOME and USER work for any uid in `--user`; only /tmp and the mounted folders are written.
ENV PATH=/opt/lengthwise/bin:$PATH HOME=/tmp USER=lengthwise \
    PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 TF_CPP_MIN_LOG_LEVEL=2
USER 10001:10001
WORKDIR /data
ENTRYPOINT ["tini", "--", "lengthwise"]
CMD ["--help"]

# --------------------------------------------------------------------------------------------------------------- tfx
FROM ${TFX_BASE_IMAGE} AS tfx-build
ENV UV_LINK_MODE=copy UV_NO_CACHE=1 UV_COMPILE_BYTECODE=1 VIRTUAL_ENV=/opt/lengthwise
# TFX requires pyfarmhash, which is distributed as C++ source.
RUN apt-get update -q && apt-get install -y -q --no-install-recommends g++ python3-dev && rm -rf /var/lib/apt/lists/* \
    && python3 -m venv "$VIRTUAL_ENV" && python3 -m venv /opt/uv && /opt/uv/bin/pip install --quiet --no-cache-dir uv
COPY constraints-tfx.txt pyproject.toml /src/
RUN cd /src && /opt/uv/bin/uv pip install --constraint constraints-tfx.txt --requirement pyproject.toml --extra tfx \
    && cd "$VIRTUAL_ENV"/lib/python3*/site-packages && rm -rf tensorflow/include pyarrow/include pyarrow/tests pandas/tests clang

FROM ${TFX_BASE_IMAGE} AS tfx
RUN apt-get update -q && apt-get install -y -q --no-install-recommends tini && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --no-create-home --home-dir /tmp lengthwise \
    && install --directory --mode 1777 /data /journal
COPY --from=tfx-build /opt/lengthwise /opt/lengthwise
COPY --from=package /dist /opt/lengthwise/dist
RUN /opt/lengthwise/bin/pip install --quiet --no-cache-dir --no-index --no-deps /opt/lengthwise/dist/*.whl
ENV PATH=/opt/lengthwise/bin:$PATH HOME=/tmp USER=lengthwise \
    PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 TF_CPP_MIN_LOG_LEVEL=2
USER 10001:10001
WORKDIR /data
# Runs the module of a pipeline: `docker run ... lengthwise-tfx pipeline.py`.
ENTRYPOINT ["tini", "--", "python"]
CMD ["--version"]

# ------------------------------------------------------------------------------------------------------- beam-worker
# Runners that start workers from an image communicate with Beam's `boot` program in it. It is published only in Beam's
# images, so it is copied from there; BEAM_IMAGE must have the Beam and Python versions of this image.
FROM ${BEAM_IMAGE} AS beam-sdk

FROM runtime AS beam-worker
COPY --from=beam-sdk /opt/apache/beam /opt/apache/beam
ENTRYPOINT ["/opt/apache/beam/boot"]
CMD []

# The default target of `docker build .`.
FROM runtime AS lengthwise
