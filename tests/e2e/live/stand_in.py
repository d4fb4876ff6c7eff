"""Stand-ins for servers of rules-examples/set-ups/ that the tests don't install: each speaks as far as a check and a client
of these set-ups need, and answers with `stand-in ADDRESS:PORT`. stand_in.py CERT ADDRESS:PORT:KIND...

  http, https   /primary and /replica by the file `primary`, which names an address; 503 while a file down-ADDRESS is there
  names         HTTP whose answer holds the forwarded fields that came
  greets        says its line first, as SSH does
  amqp          answers AMQP's header with the beginning of connection.start
  answers       answers whatever came first: PostgreSQL, OpenVPN
  tls           answers behind the handshake, with ALPN xmpp-client, and ends"""
import pathlib
import socket
import ssl
import sys
import threading


def pages(sock, here, more):
    data = b""
    while True:
        while b"\r\n\r\n" not in data:
            got = sock.recv(65536)
            if not got:
                return
            data += got
        head, _, data = data.partition(b"\r\n\r\n")
        path, address = head.split(b" ")[1].decode(), here.split(":")[0]
        leads = pathlib.Path("primary").read_text().strip() == address
        good = {"/primary": leads, "/replica": not leads}.get(path, True) and not pathlib.Path("down-" + address).exists()
        fields = [line.decode() for line in head.split(b"\r\n")[1:] if line.lower().startswith(b"x-")]
        body = f"stand-in {here} {'all is well' if good else 'down'} {'; '.join(fields) if more else ''}\n".encode()
        sock.sendall(b"HTTP/1.1 %s\r\nServer: stand-in\r\nContent-Length: %d\r\n\r\n%s" % (b"200 OK" if good else b"503 Down", len(body), body))


def serve(sock, here, kind, context):
    try:
        said = f"stand-in {here}\r\n".encode()
        if kind in ("https", "tls"):
            sock = context.wrap_socket(sock, server_side=True)
        if kind in ("http", "https", "names"):
            pages(sock, here, kind == "names")
        elif kind == "greets":
            sock.sendall(b"SSH-2.0-" + said)
        elif kind == "amqp":
            if sock.recv(8) == b"AMQP\0\0\x09\x01":
                sock.sendall(b"\x01\0\0" + said)
        elif sock.recv(4096):
            sock.sendall(said)
        while kind != "tls" and sock.recv(4096):
            pass
    except (OSError, ssl.SSLError):
        pass
    sock.close()


def listen(address, port, kind, context):
    server = socket.create_server((address, int(port)), backlog=128)

    def run():
        while True:
            sock, _ = server.accept()
            # A service's own address may be that of the server, too (dsr): the answer names the server.
            threading.Thread(target=serve, args=(sock, f"{NAMES.get(address, address)}:{port}", kind, context), daemon=True).start()

    threading.Thread(target=run, daemon=True).start()


tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
tls.load_cert_chain(sys.argv[1])
tls.set_alpn_protocols(["xmpp-client", "http/1.1"])
NAMES = dict(arg.split("=") for arg in sys.argv[2:] if "=" in arg)
for one in sys.argv[2:]:
    if "=" not in one:
        listen(*one.split(":"), tls)
print("listens", flush=True)
threading.Event().wait()
