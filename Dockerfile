# Only the program and the certificates of public authorities.
FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o /out/mobileconfig ./cmd/mobileconfig \
 && mkdir /out/data

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/mobileconfig /mobileconfig
COPY --from=build --chown=65532:65532 /out/data /data
USER 65532:65532
# A folder within the volume, which the program creates for its own user only.
ENV MOBILECONFIG_DATA=/data/mobileconfig MOBILECONFIG_LISTEN=:8080 GOTRACEBACK=none
VOLUME /data
EXPOSE 8080
HEALTHCHECK --start-period=30s CMD ["/mobileconfig", "healthcheck"]
ENTRYPOINT ["/mobileconfig"]
CMD ["serve"]
