# Requests that are read otherwise by one recipient than by another, and what becomes of each: smuggling, desync, and
# what is near it but well formed. One a line:
#
#   NAME | OUTCOMES | BYTES
#
# OUTCOMES, in order: `ok`, a request that goes on whole; `STATUS REASON`, what the client is answered, and nothing is
# read behind that; `more`, the rest is no whole request yet. After `ok` of CONNECT all that follows is a tunnel's.
# BYTES: \r \n \t \\ \xHH, and \{N:TEXT} for N times TEXT. Sections are those of RFC 9112 unless named.

# Well formed
plain | ok | GET / HTTP/1.1\r\nHost: a\r\n\r\n
plain-1.0 | ok | GET / HTTP/1.0\r\n\r\n
pipelined | ok, ok | GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n
length | ok, ok | POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhelloGET / HTTP/1.1\r\nHost: a\r\n\r\n
length-0 | ok, ok | POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n
length-leading-zeros | ok, ok | POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0005\r\n\r\nhelloGET / HTTP/1.1\r\nHost: a\r\n\r\n
length-in-1.0 | ok | POST / HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello
get-with-body | ok, ok | GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhelloGET / HTTP/1.1\r\nHost: a\r\n\r\n
body-is-a-request | ok, ok | POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 36\r\n\r\nGET /admin HTTP/1.1\r\nHost: inner\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n
chunked | ok, ok | POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n
chunked-case | ok | POST / HTTP/1.1\r\nHost: a\r\nTRANSFER-encoding:\tChUnKeD \r\n\r\n0\r\n\r\n
chunked-upper-hex | ok | POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nA\r\n0123456789\r\n0\r\n\r\n
chunked-leading-zeros | ok | POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n000000000000005\r\nhello\r\n000\r\n\r\n
chunked-extension | ok | POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b;c="d e"\r\nhello\r\n0\r\n\r\n
chunked-trailer | ok, ok | POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Sum: 1\r\nY: 2\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n
trailer-longer-name | ok | POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nTransfer-Encodings: 1\r\nContent-Lengths: 2\r\n\r\n
chunk-looks-like-end | ok, ok | POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n7\r\n0\r\n\r\n\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n
empty-line-first | ok | \r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n
empty-line-between | ok, ok | GET / HTTP/1.1\r\nHost: a\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n
empty-value | ok | GET / HTTP/1.1\r\nHost: a\r\nX-Empty:\r\n\r\n
value-8-bit | ok | GET / HTTP/1.1\r\nHost: a\r\nX-Name: J\xc3\xb6rg\r\n\r\n
options-star | ok | OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n
absolute | ok | GET http://b.example/x HTTP/1.1\r\nHost: b.example\r\n\r\n
absolute-other-host | ok | GET http://b.example/x HTTP/1.1\r\nHost: a\r\n\r\n
absolute-no-path | ok | GET http://b.example HTTP/1.1\r\nHost: b.example\r\n\r\n
connect | ok | CONNECT b.example:443 HTTP/1.1\r\nHost: b.example:443\r\n\r\nGET / HTTP/1.1\r\n\r\n
host-port | ok | GET / HTTP/1.1\r\nHost: a.example:8080\r\n\r\n
host-port-9 | ok | GET / HTTP/1.1\r\nHost: a.example:9\r\n\r\n
host-ip6 | ok | GET / HTTP/1.1\r\nHost: [2001:db8::1]:80\r\n\r\n
path-escapes | ok | GET /a%20b/%0Fc/%f0d HTTP/1.1\r\nHost: a\r\n\r\n
value-long | ok | GET / HTTP/1.1\r\nHost: a\r\nX: \{40:a\t\x80~ \xff}\r\n\r\n
own-method | ok | PROPFIND / HTTP/1.1\r\nHost: a\r\n\r\n
fields-128 | ok | GET / HTTP/1.1\r\nHost: a\r\n\{127:X: y\r\n}\r\n
expect-continue | ok | POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi
te-trailers | ok | GET / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: TE\r\n\r\n

# Not whole yet
half-line | more | GET / HT
half-head | more | GET / HTTP/1.1\r\nHost: a\r\n
half-body | more | POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhell
lying-length | more | POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 500\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n
half-chunk | more | POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel
no-last-chunk | more | POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n
no-trailer-end | more | POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n

# Two lengths: 6.1, 6.3
cl-te | 400 http-two-lengths | POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG
te-cl | 400 http-two-lengths | POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n5c\r\nGPOST / HTTP/1.1\r\n\r\n0\r\n\r\n
cl-0-te | 400 http-two-lengths | POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n
cl-cl | 400 http-two-lengths | POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello
cl-cl-equal | 400 http-two-lengths | POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello
cl-list | 400 http-two-lengths | POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 6\r\n\r\nhello
cl-list-equal | 400 http-two-lengths | POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\nhello
cl-list-empty | 400 http-two-lengths | POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5,\r\n\r\nhello
cl-case | 400 http-two-lengths | POST / HTTP/1.1\r\nHost: a\r\ncontent-length: 5\r\nCONTENT-LENGTH: 6\r\n\r\nhello

# A length that is no number: 6.3, RFC 9110 8.6
cl-plus | 400 http-length | POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello
cl-minus | 400 http-length | POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\nhello
cl-minus-0 | 400 http-length | POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -0\r\n\r\n
cl-hex | 400 http-length | POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x5\r\n\r\nhello
cl-empty | 400 http-length | POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n
cl-blank-inside | 400 http-length | POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1 2\r\n\r\nhello
cl-decimal | 400 http-length | POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5.0\r\n\r\nhello
cl-exponent | 400 http-length | POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5e0\r\n\r\nhello
cl-underscore | 400 http-length | POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1_0\r\n\r\nhello
cl-quoted | 400 http-length | POST / HTTP/1.1\r\nHost: a\r\nContent-Length: "5"\r\n\r\nhello
cl-overflow-64 | 400 http-length | POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551621\r\n\r\nhello
cl-overflow-32 | more | POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4294967301\r\n\r\nhello
cl-8-bit-digit | 400 http-length | POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \xd9\xa5\r\n\r\nhello
cl-semicolon | 400 http-length | POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5;\r\n\r\nhello

# Codings: 6.1, 7
te-in-1.0 | 400 http-transfer-encoding | POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n
te-twice | 400 http-transfer-encoding | POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n
te-chunked-chunked | 400 http-transfer-encoding | POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n
te-identity | 400 http-transfer-encoding | POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n
te-chunked-identity | 400 http-transfer-encoding | POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n
te-identity-second-line | 400 http-transfer-encoding | POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n
te-xchunked | 400 http-transfer-encoding | POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n
te-gzip | 400 http-transfer-encoding | POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n
te-gzip-chunked | 501 http-transfer-coding | POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n
te-quoted | 400 http-transfer-encoding | POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n
te-parameter | 400 http-transfer-encoding | POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked;a=b\r\n\r\n0\r\n\r\n
te-trailing-comma | 400 http-transfer-encoding | POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked,\r\n\r\n0\r\n\r\n
te-leading-comma | 400 http-transfer-encoding | POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: , chunked\r\n\r\n0\r\n\r\n
te-empty | 400 http-transfer-encoding | POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n\r\n
te-vertical-tab | 400 http-control-character | POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n
te-form-feed | 400 http-control-character | POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\x0c chunked\r\n\r\n0\r\n\r\n
te-zero-byte | 400 http-control-character | POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\x00\r\n\r\n0\r\n\r\n
te-blank-before-colon | 400 http-name-space | POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n
te-tab-before-colon | 400 http-name-space | POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n
te-blank-before-name | 400 http-obs-fold | POST / HTTP/1.1\r\nHost: a\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n
te-folded | 400 http-obs-fold | POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n
te-bare-lf-inside | 400 http-bare-lf | POST / HTTP/1.1\r\nHost: a\r\nX: y\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n
te-bare-cr-inside | 400 http-bare-cr | POST / HTTP/1.1\r\nHost: a\r\nX: y\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n
te-name-8-bit | 400 http-field-name | POST / HTTP/1.1\r\nHost: a\r\nTransfer\xadEncoding: chunked\r\n\r\n0\r\n\r\n
te-name-in-quotes | 400 http-field-name | POST / HTTP/1.1\r\nHost: a\r\n"Transfer-Encoding": chunked\r\n\r\n0\r\n\r\n
te-underscore | 400 http-field-name | GET / HTTP/1.1\r\nHost: a\r\nTransfer_Encoding: chunked\r\n\r\n
cl-underscore-name | 400 http-field-name | POST / HTTP/1.1\r\nHost: a\r\nContent_Length: 40\r\nContent-Length: 5\r\n\r\nhello
te-nbsp | 400 http-transfer-encoding | POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \xa0chunked\r\n\r\n0\r\n\r\n
te-next-line | 400 http-transfer-encoding | POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\x85\r\n\r\n0\r\n\r\n
te-second-line-x | 400 http-transfer-encoding | POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-encoding: x\r\n\r\n0\r\n\r\n
te-first-line-x | 400 http-transfer-encoding | POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n
te-bare-lf-value | 400 http-bare-lf | POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\nchunked\r\n\r\n0\r\n\r\n
cl-blank-before-name | 400 http-obs-fold | POST / HTTP/1.1\r\nHost: a\r\n Content-Length: 40\r\n\r\n
cl-blank-before-colon | 400 http-name-space | POST / HTTP/1.1\r\nHost: a\r\nContent-Length : 5\r\n\r\nhello

# A body where a server may look for none (CL.0, TE.0), and what Connection cannot take away
cl-0 | ok, ok | GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 37\r\n\r\nGET /hidden HTTP/1.1\r\nHost: inner\r\n\r\nGET /behind HTTP/1.1\r\nHost: a\r\n\r\n
cl-0-options | ok | OPTIONS / HTTP/1.1\r\nHost: a\r\nContent-Length: 37\r\n\r\nGET /hidden HTTP/1.1\r\nHost: inner\r\n\r\n
cl-0-delete | ok | DELETE /x HTTP/1.1\r\nHost: a\r\nContent-Length: 37\r\n\r\nGET /hidden HTTP/1.1\r\nHost: inner\r\n\r\n
te-0 | ok | OPTIONS / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n25\r\nGET /hidden HTTP/1.1\r\nHost: inner\r\n\r\n\r\n0\r\n\r\n
te-0-get | ok, ok | GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n25\r\nGET /hidden HTTP/1.1\r\nHost: inner\r\n\r\n\r\n0\r\n\r\nGET /behind HTTP/1.1\r\nHost: a\r\n\r\n
connection-names-length | ok, ok | POST / HTTP/1.1\r\nHost: a\r\nConnection: Content-Length\r\nContent-Length: 37\r\n\r\nGET /hidden HTTP/1.1\r\nHost: inner\r\n\r\nGET /behind HTTP/1.1\r\nHost: a\r\n\r\n
connection-names-coding | ok, ok | POST / HTTP/1.1\r\nHost: a\r\nConnection: Transfer-Encoding\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n
connection-names-host | ok | GET / HTTP/1.1\r\nHost: a\r\nConnection: close, Host\r\n\r\n

# Expect: RFC 9110 10.1.1
expect-get | ok, ok | GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 37\r\n\r\nGET /hidden HTTP/1.1\r\nHost: inner\r\n\r\nGET /behind HTTP/1.1\r\nHost: a\r\n\r\n
expect-odd | ok, ok | POST / HTTP/1.1\r\nHost: a\r\nExpect: y 100-continue\r\nContent-Length: 37\r\n\r\nGET /hidden HTTP/1.1\r\nHost: inner\r\n\r\nGET /behind HTTP/1.1\r\nHost: a\r\n\r\n
expect-twice | ok, ok | POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhiGET / HTTP/1.1\r\nHost: a\r\n\r\n
expect-folded | 400 http-obs-fold | POST / HTTP/1.1\r\nHost: a\r\nExpect:\r\n 100-continue\r\nContent-Length: 2\r\n\r\nhi
expect-chunked | ok, ok | POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n

# Upgrade: RFC 9110 7.8. Without a 101 what follows is a request
upgrade-not-taken | ok, ok | GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 777\r\n\r\nGET /behind HTTP/1.1\r\nHost: a\r\n\r\n
upgrade-h2c | ok, ok | GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\nGET /behind HTTP/1.1\r\nHost: a\r\n\r\n
upgrade-h2c-unnamed | ok, ok | GET / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\nGET /behind HTTP/1.1\r\nHost: a\r\n\r\n
upgrade-list | ok, ok | GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket, h2c\r\n\r\nGET /behind HTTP/1.1\r\nHost: a\r\n\r\n
upgrade-with-body | ok, ok | POST / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 37\r\n\r\nGET /hidden HTTP/1.1\r\nHost: inner\r\n\r\nGET /behind HTTP/1.1\r\nHost: a\r\n\r\n
upgrade-in-1.0 | ok | GET / HTTP/1.0\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n

# Chunks: 7.1
chunk-bare-lf-size | 400 http-bad-chunk | POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n
chunk-bare-lf-data | 400 http-bad-chunk | POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\n0\r\n\r\n
chunk-bare-cr-size | 400 http-bad-chunk | POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\rhello\r\n0\r\n\r\n
chunk-no-end | 400 http-bad-chunk | POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello0\r\n\r\n
chunk-too-short | 400 http-bad-chunk | POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhello\r\n0\r\n\r\n
chunk-0x | 400 http-bad-chunk | POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n
chunk-plus | 400 http-bad-chunk | POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n+5\r\nhello\r\n0\r\n\r\n
chunk-minus | 400 http-bad-chunk | POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\nhello\r\n0\r\n\r\n
chunk-blank-before | 400 http-bad-chunk | POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n 5\r\nhello\r\n0\r\n\r\n
chunk-blank-behind | 400 http-bad-chunk | POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5 \r\nhello\r\n0\r\n\r\n
chunk-empty-size | 400 http-bad-chunk | POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\r\nhello\r\n0\r\n\r\n
chunk-underscore | 400 http-bad-chunk | POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1_0\r\nhello\r\n0\r\n\r\n
chunk-overflow-64 | 400 http-bad-chunk | POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000005\r\nhello\r\n0\r\n\r\n
chunk-negative-64 | 400 http-bad-chunk | POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFB\r\nhello\r\n0\r\n\r\n
chunk-overflow-32 | more | POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n100000005\r\nhello\r\n0\r\n\r\n
chunk-17-digits | 400 http-bad-chunk | POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n00000000000000005\r\nhello\r\n0\r\n\r\n
chunk-extension-bare-lf | 400 http-bad-chunk | POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\nX\r\nhello\r\n0\r\n\r\n
chunk-extension-bare-cr | 400 http-bad-chunk | POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\rX\r\nhello\r\n0\r\n\r\n
chunk-extension-zero | 400 http-bad-chunk | POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;a=\x00\r\nhello\r\n0\r\n\r\n
chunk-extension-long | 400 http-bad-chunk | POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;\{300:a}\r\nhello\r\n0\r\n\r\n
chunk-extensions-many | 400 http-bad-chunk | POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\{50:1;\{200:a}\r\nx\r\n}0\r\n\r\n
chunk-extension-lf-request | 400 http-bad-chunk | POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2;\n00\r\n31\r\n0\r\n\r\nGET /hidden HTTP/1.1\r\nHost: inner\r\n\r\n\r\n0\r\n\r\n
chunk-extension-lf-alone | 400 http-bad-chunk | POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;\nhello\r\n0\r\n\r\n
chunk-last-extension-lf | 400 http-bad-chunk | POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0;\n\r\nGET /hidden HTTP/1.1\r\nHost: inner\r\n\r\n
chunk-extension-quoted-crlf | 400 http-bad-chunk | POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;a="\r\nhello"\r\nhello\r\n0\r\n\r\n
chunk-bare-cr-twice | 400 http-bad-chunk | POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\rhello\r\n0\r\n\r\n
chunk-too-long | 400 http-bad-chunk | POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloXX\r\n0\r\n\r\n
chunk-1000-digits | 400 http-bad-chunk | POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\{1000:0}5\r\nhello\r\n0\r\n\r\n
chunk-zero-byte | 400 http-bad-chunk | POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\x00\r\nhello\r\n0\r\n\r\n
chunk-comma-extension | 400 http-bad-chunk | POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5,a\r\nhello\r\n0\r\n\r\n

# Trailers: 7.1.2, RFC 9110 6.5.1
trailer-length | 400 http-bad-trailer | POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 5\r\n\r\n
trailer-coding | 400 http-bad-trailer | POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\ntransfer-ENCODING: chunked\r\n\r\n
trailer-host | 400 http-bad-trailer | POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nHost: b\r\n\r\n
trailer-forwarded-for | 400 http-bad-trailer | POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n
trailer-authorization | 400 http-bad-trailer | POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nAuthorization: Basic eDp4\r\n\r\n
trailer-cookie | 400 http-bad-trailer | POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nCookie: admin=1\r\n\r\n
trailer-expect | 400 http-bad-trailer | POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nExpect: 100-continue\r\n\r\n
trailer-upgrade | 400 http-bad-trailer | POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nUpgrade: h2c\r\n\r\n
trailer-underscore | 400 http-bad-trailer | POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nContent_Length: 5\r\n\r\n
trailer-forwarded-proto | 400 http-bad-trailer | POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX_Forwarded-Proto: https\r\n\r\n
trailer-folded | 400 http-bad-trailer | POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: 1\r\n 2\r\n\r\n
trailer-bare-lf | 400 http-bad-trailer | POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: 1\n\r\n
trailer-end-bare-lf | 400 http-bad-trailer | POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\n
trailer-name-blank | 400 http-bad-trailer | POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX : 1\r\n\r\n
trailer-no-name | 400 http-bad-trailer | POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n: 1\r\n\r\n
trailer-zero-byte | 400 http-bad-trailer | POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: \x00\r\n\r\n
trailer-request | 400 http-bad-trailer | POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n
trailer-long | 400 http-bad-trailer | POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\{9000:X:\r\n}\r\n

# Lines: 2.2, 5.1, 5.2
bare-lf-all | 400 http-bare-lf | GET / HTTP/1.1\nHost: a\n\n
bare-lf-first | 400 http-bare-lf | GET / HTTP/1.1\nHost: a\r\n\r\n
bare-lf-field | 400 http-bare-lf | GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n
bare-lf-end | 400 http-bare-lf | GET / HTTP/1.1\r\nHost: a\r\n\n
bare-lf-before | 400 http-request-line | \nGET / HTTP/1.1\r\nHost: a\r\n\r\n
bare-cr-field | 400 http-bare-cr | GET / HTTP/1.1\r\nHost: a\rX: y\r\n\r\n
bare-cr-name | 400 http-bare-cr | GET / HTTP/1.1\r\nHost: a\r\nX\r: y\r\n\r\n
bare-cr-before-lf | 400 http-bare-cr | GET / HTTP/1.1\r\nHost: a\r\r\n\r\n
two-empty-lines-first | 400 http-request-line | \r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n
obs-fold | 400 http-obs-fold | GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2\r\n\r\n
obs-fold-tab | 400 http-obs-fold | GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n\t2\r\n\r\n
obs-fold-host | 400 http-obs-fold | GET / HTTP/1.1\r\nHost:\r\n a\r\n\r\n
blank-before-first-field | 400 http-obs-fold | GET / HTTP/1.1\r\n Host: a\r\n\r\n
blank-line-of-blanks | 400 http-obs-fold | GET / HTTP/1.1\r\nHost: a\r\n \r\n\r\n
name-blank-before-colon | 400 http-name-space | GET / HTTP/1.1\r\nHost : a\r\n\r\n
name-blank-inside | 400 http-name-space | GET / HTTP/1.1\r\nHost: a\r\nX y: z\r\n\r\n
name-empty | 400 http-field-name | GET / HTTP/1.1\r\nHost: a\r\n: z\r\n\r\n
name-no-colon | 400 http-field-name | GET / HTTP/1.1\r\nHost: a\r\nGarbage\r\n\r\n
name-control | 400 http-control-character | GET / HTTP/1.1\r\nHost: a\r\nX\x01: z\r\n\r\n
name-zero | 400 http-control-character | GET / HTTP/1.1\r\nHost: a\r\nX\x00Y: z\r\n\r\n
name-brackets | 400 http-field-name | GET / HTTP/1.1\r\nHost: a\r\nX(y): z\r\n\r\n
name-delete | 400 http-control-character | GET / HTTP/1.1\r\nHost: a\r\nX\x7f: z\r\n\r\n
value-zero | 400 http-control-character | GET / HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n
value-control | 400 http-control-character | GET / HTTP/1.1\r\nHost: a\r\nX: a\x1bb\r\n\r\n
value-delete-inside | 400 http-control-character | GET / HTTP/1.1\r\nHost: a\r\nX: \{40:~}\x7f\{40:~}\r\n\r\n
value-control-inside | 400 http-control-character | GET / HTTP/1.1\r\nHost: a\r\nX: \{40:~}\x1f\{40:~}\r\n\r\n
value-zero-inside | 400 http-control-character | GET / HTTP/1.1\r\nHost: a\r\nX: \{43:\xff}\x00\{40:\xff}\r\n\r\n
value-delete | 400 http-control-character | GET / HTTP/1.1\r\nHost: a\r\nX: a\x7fb\r\n\r\n

# Request line: 3
line-two-blanks | 400 http-request-line | GET  / HTTP/1.1\r\nHost: a\r\n\r\n
line-two-blanks-behind | 400 http-request-line | GET /  HTTP/1.1\r\nHost: a\r\n\r\n
line-tab | 400 http-request-line | GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n
line-blank-first | 400 http-request-line |  GET / HTTP/1.1\r\nHost: a\r\n\r\n
line-blank-end | 400 http-request-line | GET / HTTP/1.1 \r\nHost: a\r\n\r\n
line-blank-in-target | 400 http-request-line | GET /a b HTTP/1.1\r\nHost: a\r\n\r\n
line-second-version | 400 http-request-line | GET / HTTP/1.1 HTTP/1.1\r\nHost: a\r\n\r\n
line-no-target | 400 http-request-line | GET HTTP/1.1\r\nHost: a\r\n\r\n
line-http-0.9 | 400 http-request-line | GET /\r\n\r\n
line-version-lower | 400 http-request-line | GET / http/1.1\r\nHost: a\r\n\r\n
line-version-digits | 400 http-request-line | GET / HTTP/1.10\r\nHost: a\r\n\r\n
line-version-cut | 400 http-request-line | GET / HTTP/1\r\nHost: a\r\n\r\n
line-version-word | 400 http-request-line | GET / HTTPS/1.1\r\nHost: a\r\n\r\n
line-version-1.2 | 505 http-version | GET / HTTP/1.2\r\nHost: a\r\n\r\n
line-version-2 | 505 http-version | GET / HTTP/2.0\r\nHost: a\r\n\r\n
line-version-0.9 | 505 http-version | GET / HTTP/0.9\r\nHost: a\r\n\r\n
line-method-brackets | 400 http-request-line | G(T / HTTP/1.1\r\nHost: a\r\n\r\n
line-method-long | 400 http-request-line | \{40:A} / HTTP/1.1\r\nHost: a\r\n\r\n
line-method-zero | 400 http-request-line | GE\x00T / HTTP/1.1\r\nHost: a\r\n\r\n
line-target-zero | 400 http-control-character | GET /\x00 HTTP/1.1\r\nHost: a\r\n\r\n
line-target-bare-cr | 400 http-bare-cr | GET /\rX HTTP/1.1\r\nHost: a\r\n\r\n
line-target-8-bit | 400 http-target | GET /\xc3\xb6 HTTP/1.1\r\nHost: a\r\n\r\n
line-target-fragment | 400 http-target | GET /#top HTTP/1.1\r\nHost: a\r\n\r\n
line-target-backslash | 400 http-target | GET /x\\..\\api HTTP/1.1\r\nHost: a\r\n\r\n
line-target-escape-cut | 400 http-target | GET /%4 HTTP/1.1\r\nHost: a\r\n\r\n
line-target-escape-bad | 400 http-target | GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n
line-target-escape-zero | 400 http-target | GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n
line-target-relative | 400 http-target | GET x HTTP/1.1\r\nHost: a\r\n\r\n
line-target-star | 400 http-target | GET * HTTP/1.1\r\nHost: a\r\n\r\n
line-target-scheme | 400 http-target | GET ftp://b/ HTTP/1.1\r\nHost: b\r\n\r\n
line-target-one-slash | 400 http-target | GET http:/b/ HTTP/1.1\r\nHost: b\r\n\r\n
line-target-no-slash | 400 http-target | GET http:b/x HTTP/1.1\r\nHost: b\r\n\r\n
line-target-scheme-alone | 400 http-target | GET http: HTTP/1.1\r\nHost: b\r\n\r\n
line-target-user | 400 http-target | GET http://u@b/ HTTP/1.1\r\nHost: b\r\n\r\n
line-target-no-host | 400 http-target | GET http:///x HTTP/1.1\r\nHost: b\r\n\r\n
line-connect-path | 400 http-target | CONNECT / HTTP/1.1\r\nHost: b\r\n\r\n
line-connect-no-port | 400 http-target | CONNECT b HTTP/1.1\r\nHost: b\r\n\r\n
connect-length | 400 http-length | CONNECT b:443 HTTP/1.1\r\nHost: b\r\nContent-Length: 5\r\n\r\nhello
connect-chunked | 400 http-transfer-encoding | CONNECT b:443 HTTP/1.1\r\nHost: b\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n

# Host: 3.2, RFC 9110 7.2
host-missing | 400 http-no-host | GET / HTTP/1.1\r\n\r\n
host-two | 400 http-two-hosts | GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n
host-two-equal | 400 http-two-hosts | GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n
host-two-1.0 | 400 http-two-hosts | GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n
host-list | 400 http-host | GET / HTTP/1.1\r\nHost: a, b\r\n\r\n
host-empty | 400 http-host | GET / HTTP/1.1\r\nHost:\r\n\r\n
host-dot | 400 http-host | GET / HTTP/1.1\r\nHost: .\r\n\r\n
host-path | 400 http-host | GET / HTTP/1.1\r\nHost: a/b\r\n\r\n
host-user | 400 http-host | GET / HTTP/1.1\r\nHost: u@a\r\n\r\n
host-blank | 400 http-host | GET / HTTP/1.1\r\nHost: a b\r\n\r\n
host-port-word | 400 http-host | GET / HTTP/1.1\r\nHost: a:http\r\n\r\n
host-port-big | 400 http-host | GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n
host-two-ports | 400 http-host | GET / HTTP/1.1\r\nHost: a:80:80\r\n\r\n
host-ip6-bare | 400 http-host | GET / HTTP/1.1\r\nHost: 2001:db8::1\r\n\r\n
host-ip6-open | 400 http-host | GET / HTTP/1.1\r\nHost: [2001:db8::1\r\n\r\n
host-ip6-bad | 400 http-host | GET / HTTP/1.1\r\nHost: [::1g]\r\n\r\n
host-8-bit | 400 http-host | GET / HTTP/1.1\r\nHost: \xc3\xb6.example\r\n\r\n
host-bad-beside-absolute | 400 http-host | GET http://b/ HTTP/1.1\r\nHost: a b\r\n\r\n
host-missing-beside-absolute | 400 http-no-host | GET http://b/ HTTP/1.1\r\n\r\n

# Bounds, and other protocols
fields-129 | 431 http-too-many-fields | GET / HTTP/1.1\r\nHost: a\r\n\{128:X: y\r\n}\r\n
head-64k | 431 http-head-too-long | GET / HTTP/1.1\r\nHost: a\r\n\{64:X: \{1020:y}\r\n}\r\n
target-64k | 431 http-head-too-long | GET /\{65536:a} HTTP/1.1\r\nHost: a\r\n\r\n
tls-hello | 400 http-request-line | \x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03
ssh | 400 http-request-line | SSH-2.0-OpenSSH_9.2\r\n
http2-preface | 0 http2 | PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n
second-is-garbage | ok, 400 http-request-line | GET / HTTP/1.1\r\nHost: a\r\n\r\n\x00\x01\x02
extra-behind-length | ok, 400 http-request-line | POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello???@@@\r\n
