"""A mail server with STARTTLS: mail.py CERT KEY FILE; letters go into FILE."""
import asyncio
import ssl
import sys

from aiosmtpd.smtp import SMTP


class Letters:
    async def handle_DATA(self, server, session, envelope):
        with open(sys.argv[3], "ab") as f:
            f.write(b"in TLS\n" if session.ssl else b"in the clear\n")
            f.write(envelope.content)
        return "250 taken"


async def serve():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*sys.argv[1:3])
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(Letters(), tls_context=context, loop=loop), None, 25)
    print("listens", flush=True)
    await server.serve_forever()


asyncio.run(serve())
