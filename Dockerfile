FROM rust:1.95-bookworm AS build
WORKDIR /src
# A container's log needs no line tables, and they are half of the binary.
ENV CARGO_PROFILE_RELEASE_DEBUG=false CARGO_PROFILE_RELEASE_STRIP=debuginfo

# The dependencies in a layer of their own: built again only when they change.
COPY Cargo.toml Cargo.lock ./
COPY benches benches
RUN mkdir src \
    && echo '//! Stands in.' | tee src/lib.rs > src/main.rs \
    && echo 'fn main() {}' >> src/main.rs \
    && cargo build --release --locked

COPY . .
# cargo goes by time stamps, and those of a checkout may be older than the stand-ins above.
RUN touch build.rs src/lib.rs src/main.rs \
    && cargo build --release --locked --bin nearby


FROM debian:bookworm-slim
LABEL org.opencontainers.image.title="nearby" \
      org.opencontainers.image.description="Which centers are close to this point? Exact nearby search over HTTP." \
      org.opencontainers.image.licenses="MIT OR Apache-2.0"

# A fixed number: volumes keep their owner, and Kubernetes can tell that it is not root.
RUN useradd --uid 10001 --user-group --no-log-init --create-home --home-dir /var/lib/nearby --shell /usr/sbin/nologin nearby

COPY --from=build /src/target/release/nearby /usr/local/bin/nearby
COPY LICENSE-MIT LICENSE-APACHE data/README.md /usr/share/doc/nearby/

USER 10001:10001
# An embedded database (sqlite:nearby.gpkg) lands here: mount a volume to keep it.
WORKDIR /var/lib/nearby
# Huge pages for the heap, where the kernel gives them to who asks (transparent_hugepage=madvise): a
# search waits for memory less, by an eighth of its time.
ENV NEARBY_BIND=0.0.0.0:8080 GLIBC_TUNABLES=glibc.malloc.hugetlb=1
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=3 \
    CMD ["nearby", "health", "--url", "http://127.0.0.1:8080/readyz"]
ENTRYPOINT ["nearby"]
CMD ["serve"]
