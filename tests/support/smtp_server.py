"""A real SMTP server for tests (aiosmtpd), told over stdin how to treat whom; what it takes is parsed by Python's own
email package and reported on stdout, one JSON document a line."""

import asyncio
import email.policy
import json
import sys
from email.parser import BytesParser

from aiosmtpd.smtp import SMTP

behaviour = {}  # address -> list of words, the last of which stays
held = asyncio.Event()


def say(document):
    print(json.dumps(document), flush=True)


def word(address):
    words = behaviour.get(address.lower(), ["accept"])
    return words.pop(0) if len(words) > 1 else words[0]


def parsed(content):
    message = BytesParser(policy=email.policy.default).parsebytes(content)
    parts = [
        {"type": part.get_content_type(), "charset": part.get_content_charset(), "text": part.get_content()}
        for part in message.walk()
        if not part.is_multipart()
    ]
    mailbox = lambda name: [{"name": a.display_name, "address": a.addr_spec} for a in message[name].addresses]
    return {
        "subject": str(message["Subject"]),
        "from": mailbox("From"),
        "to": mailbox("To"),
        "id": str(message["Message-ID"]),
        "type": message.get_content_type(),
        "headers": [[name, str(value)] for name, value in message.items()],
        "defects": [str(defect) for part in message.walk() for defect in part.defects],
        "parts": parts,
    }


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        what = word(address)
        if what == "reject":
            return "550 5.1.1 <%s>: there is nobody of that name" % address
        if what == "later":
            return "451 4.3.2 try again later, please"
        envelope.rcpt_tos.append(address)
        envelope.what = what
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        report = parsed(envelope.content)
        report["envelope"] = {"from": envelope.mail_from, "to": envelope.rcpt_tos}
        report["ascii"] = envelope.original_content.isascii()
        say({"message": report})
        what = getattr(envelope, "what", "accept")
        if what == "drop":
            server.transport.abort()
            return "421 gone"
        if what == "hold":
            await held.wait()
        return "250 taken"


async def commands():
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        command = json.loads(line)
        if command.get("release"):
            held.set()
        else:
            behaviour[command["address"].lower()] = command["words"]
        say({"ok": True})


async def main():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(Handler(), enable_SMTPUTF8=False, loop=loop), "127.0.0.1", 0)
    say({"port": server.sockets[0].getsockname()[1]})
    await commands()  # until the test goes away


asyncio.run(main())
