# syntax=docker/dockerfile:1
FROM rust:1.95-slim-bookworm AS build
WORKDIR /build
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/build/target \
    cargo build --release --locked && strip -o /interview-relay target/release/interview-relay

FROM debian:bookworm-slim
# Webhooks and other requests to the outside check certificates against the system's roots.
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/*
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin relay \
    && install -d -o relay -g relay -m 0700 /data /files
COPY --from=build /interview-relay /usr/local/bin/interview-relay
USER relay
# The container's own network is the fence here; publish the port behind something that speaks TLS.
ENV RELAY_LISTEN=0.0.0.0:8080 RELAY_DATA_DIR=/data
VOLUME /data
EXPOSE 8080
# The image has no curl; bash can ask just as well whether this node can serve.
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s CMD ["bash", "-c", \
    "exec 3<>/dev/tcp/127.0.0.1/8080 && printf 'GET /readyz HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n' >&3 && head -n 1 <&3 | grep -q ' 200 '"]
ENTRYPOINT ["interview-relay"]
