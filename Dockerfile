# One process, one volume, no root.
FROM python:3.13-slim

RUN useradd --system --uid 10001 --create-home --home-dir /data balance-bot && chmod 700 /data
WORKDIR /app
COPY requirements.txt .
RUN pip install --no-cache-dir --require-hashes -r requirements.txt
COPY bot ./bot

ENV BALANCE_BOT_STORE__PATH=/data/balance-bot.sqlite3 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 10001
VOLUME /data
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/healthz', timeout=8)"]
ENTRYPOINT ["python", "-m", "bot"]
CMD ["run", "--config", "/etc/balance-bot/config.toml"]
