/* What is asked of a connection's first bytes, as a program says it. */
#pragma once

/* What a service's rules ask, or its mode needs; the bits above FIRST_BYTES_SHIFT say how many bytes `bytes … at N`
 * looks at. PROXY headers are a matter of the source, which who accepts the connection knows. */
enum first_wants {
    FIRST_TLS = 1 << 0,         /* sni, alpn: a ClientHello, or the preface of HTTP/2 for alpn "h2" */
    FIRST_HTTP = 1 << 1,        /* host, path, method, header: the bytes must be an HTTP/1 request */
    FIRST_INSTRUCTION = 1 << 2, /* instruction */
    FIRST_SUM = 1 << 3,         /* … whose check characters are the sum (`check sum`) */
    FIRST_PROXY = 1 << 4,       /* a PROXY header must come first: the source is of `accept proxy from` */
    FIRST_PROXY_NEVER = 1 << 5, /* a PROXY header must not come: the service has such a list, the source is not in it */
    FIRST_BYTES_SHIFT = 16,
};
