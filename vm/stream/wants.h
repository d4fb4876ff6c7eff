/* Items of a connection's first bytes that a program asks for. */
#pragma once

/* Items that a service's rules or mode need; the bits above FIRST_BYTES_SHIFT are the number of bytes that `bytes …
 * at N` looks at. PROXY headers depend on the source, so the code that accepts the connection sets their bits. */
enum first_wants {
    FIRST_TLS = 1 << 0,         /* sni, alpn: a ClientHello, or the preface of HTTP/2 for alpn "h2" */
    FIRST_HTTP = 1 << 1,        /* host, path, method, header: the bytes must be an HTTP/1 request */
    FIRST_INSTRUCTION = 1 << 2, /* instruction */
    FIRST_SUM = 1 << 3,         /* an instruction whose check characters are the sum (`check sum`) */
    FIRST_PROXY = 1 << 4,       /* a PROXY header must come first: the source is in `accept proxy from` */
    FIRST_PROXY_NEVER = 1 << 5, /* a PROXY header must not come: the source is not in the service's list */
    FIRST_BYTES_SHIFT = 16,
};
