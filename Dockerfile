# Every service of trackerdcs is this one image with another command. `docker compose build` makes it.
FROM python:3.11-slim-bookworm AS build
RUN python -m venv --without-pip /opt/trackerdcs
# requirements-runs.txt for the image that reads ROOT files.
ARG REQUIREMENTS=requirements.txt
COPY requirements*.txt /src/
# The build backend is in the developers' lock file alone; it stays behind in this stage.
RUN pip install --quiet --no-cache-dir --disable-pip-version-check --root-user-action=ignore -c /src/requirements-dev.txt setuptools \
    && pip --python /opt/trackerdcs install --quiet --no-cache-dir --disable-pip-version-check --no-compile --require-hashes -r /src/$REQUIREMENTS
COPY pyproject.toml README.md LICENSE /src/
COPY trackerdcs /src/trackerdcs
RUN pip wheel --quiet --no-deps --no-build-isolation --disable-pip-version-check -w /tmp/wheel /src \
    && pip --python /opt/trackerdcs install --quiet --no-deps --no-cache-dir --disable-pip-version-check --no-compile /tmp/wheel/*.whl \
    && python -m compileall -q /opt/trackerdcs/lib

FROM python:3.11-slim-bookworm
RUN useradd --uid 1000 --no-create-home --home-dir /data --shell /usr/sbin/nologin trackerdcs \
    && mkdir /data /loader /locks /stands && chown trackerdcs: /data /loader /locks
COPY --from=build /opt/trackerdcs /opt/trackerdcs
ENV PATH=/opt/trackerdcs/bin:$PATH TRACKERDCS_LOCKS=/locks TRACKERDCS_ALIVE=/tmp/alive PYTHONDONTWRITEBYTECODE=1
USER trackerdcs
WORKDIR /data
ENTRYPOINT ["trackerdcs"]
