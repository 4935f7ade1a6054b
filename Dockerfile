# Rollbook as an image: web, workers and sweep are the same image with different commands (docker-compose.yml).
# The demo is a target of its own: docker build --target demo .

FROM python:3.12-slim-bookworm AS base
ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /app
COPY requirements.txt ./
RUN pip install --require-hashes --requirement requirements.txt
COPY manage.py ./
COPY config ./config
COPY dashboard ./dashboard
COPY docs/runbook.md ./docs/runbook.md
COPY releases ./releases
COPY static ./static
COPY templates ./templates
# The key serves this one command, which signs nothing; it stays in no layer and no variable of the image.
RUN ROLLBOOK_SECRET_KEY=collecting-static-files ROLLBOOK_STATIC_ROOT=/app/staticfiles \
    python manage.py collectstatic --no-input \
 && python -m compileall -q config dashboard releases \
 && useradd --system --uid 10001 --create-home --home-dir /var/lib/rollbook rollbook
ENV ROLLBOOK_HOME=/var/lib/rollbook \
    ROLLBOOK_STATIC_ROOT=/app/staticfiles \
    ROLLBOOK_STATIC_FROM_SOURCE=false
VOLUME /var/lib/rollbook
EXPOSE 8000

FROM base AS demo
RUN apt-get update \
 && apt-get install --yes --no-install-recommends git varnish \
 && rm -rf /var/lib/apt/lists/*
COPY requirements-demo.txt ./
RUN pip install --require-hashes --requirement requirements-demo.txt
COPY demo ./demo
ENV ROLLBOOK_STATIC_FROM_SOURCE=true
USER rollbook
CMD ["python", "-m", "config.embedded"]

FROM base AS rollbook
USER rollbook
CMD ["python", "-m", "gunicorn", "config.wsgi", "--bind", "0.0.0.0:8000", "--worker-class", "gthread", "--workers", "2", "--threads", "16", "--no-control-socket"]
