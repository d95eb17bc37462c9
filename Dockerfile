# A small image: what runs and nothing that builds. It runs as nobody in particular, and its own files
# are never written to: mount /data for a SQLite file, and something at /tmp.
ARG PYTHON=3.13
FROM python:${PYTHON}-slim AS build
WORKDIR /build
RUN python -m venv /opt/dueline
ENV PATH=/opt/dueline/bin:$PATH PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
# By a lock, with every hash; that of EXTRAS=otel holds the traces besides.
ARG EXTRAS=
COPY requirements.lock requirements-otel.lock ./
RUN pip install --quiet --require-hashes -r requirements${EXTRAS:+-$EXTRAS}.lock
COPY LICENSE README.md pyproject.toml ./
COPY config config
COPY connector connector
COPY sla sla
COPY webhooks webhooks
RUN pip install --quiet --no-deps --no-build-isolation . \
 && pip uninstall --quiet --yes editables hatchling setuptools pip \
 && python -m compileall -q /opt/dueline/lib

FROM python:${PYTHON}-slim
COPY --from=build /opt/dueline /opt/dueline
RUN mkdir --mode=0750 /data && chown 10001:10001 /data
ENV PATH=/opt/dueline/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    XDG_CACHE_HOME=/tmp \
    DUELINE_HOST=0.0.0.0 \
    DUELINE_LOG=json
USER 10001:10001
# Where nothing else is said, the database is a file here.
WORKDIR /data
VOLUME /data
EXPOSE 8090
# A worker answers at its own port: give it the same number there.
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 CMD ["python", "-c", \
  "import os, urllib.request as u; u.urlopen('http://127.0.0.1:' + os.environ.get('DUELINE_PORT', '8090') + '/healthz', timeout=4)"]
ENTRYPOINT ["dueline"]
CMD ["serve"]
