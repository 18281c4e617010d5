# One image for every process type of the Procfile; compose.yaml shows them together.
FROM python:3.12-slim-bookworm AS build

ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never
RUN pip install --no-cache-dir "uv>=0.13,<1"
WORKDIR /app
COPY pyproject.toml uv.lock ./
RUN uv sync --locked --no-dev
COPY . .
# Static files need no server and no secret: these values satisfy the settings' checks and stay in this step.
RUN ENVIRONMENT=production SECRET_KEY=only-for-collectstatic-only-for-collectstatic-only-for SITE_URL=https://build.invalid \
    MONGODB_URI=mongodb://build.invalid/build REDIS_URL=redis://build.invalid EMAIL_FROM=build@build.invalid \
    EMAIL_URL=smtp://build.invalid .venv/bin/python manage.py collectstatic --noinput --verbosity 0

FROM python:3.12-slim-bookworm

RUN useradd --create-home --uid 10001 app
WORKDIR /app
COPY --from=build --chown=app:app /app /app
ENV PATH=/app/.venv/bin:$PATH PYTHONUNBUFFERED=1 ENVIRONMENT=production
USER app
EXPOSE 8000 8001
HEALTHCHECK --interval=30s --timeout=3s --start-period=20s CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/healthz', timeout=2)"]
CMD ["granian", "--interface", "wsgi", "--host", "0.0.0.0", "--port", "8000", "--workers", "2", "--blocking-threads", "2", "--respawn-failed-workers", "--no-ws", "saas.wsgi:application"]
