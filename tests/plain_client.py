"""An agent without guildbus: docs/protocol.md in pyzmq, msgpack and the standard library.

    python plain_client.py ENDPOINT WORK_S

It takes `draft.requested.v1` from the queue go-dev, one at a time, works WORK_S seconds on each, and answers
`draft.proposed.v1`. What it hears goes to standard output, a JSON array a line. It is written from the page
alone and shows how little another language needs: the forty lines of `live` are the protocol.
"""

import hashlib
import json
import sys
import time
import uuid
from datetime import UTC, datetime

import msgpack
import zmq

HELLO, WELCOME, PUBLISH, ACCEPTED, DELIVER, ACK, NACK, RENEW, HEARTBEAT, CREDIT, ERROR, BYE = range(1, 13)
INHERITED = ("subject", "deadline", "priority", "tracestate")
TEXT = "package plain\n"


def live(endpoint, me, work_s):
    """`hand` is the delivery in hand: [id, attempt], envelope, body, end of work. `kept` is its answer."""
    socket, hand, kept, beat_s, lease_s = None, None, None, 2.0, 30.0
    while True:
        now = time.monotonic()
        if socket is None:
            socket = zmq.Context.instance().socket(zmq.DEALER)
            socket.connect(endpoint)
            welcomed, heard_at, beat_at, renew_at = False, now, now + beat_s, now
            holding = [hand[0]] if hand else []
            send(socket, HELLO, {**me, "credit": 1 - len(holding), "holding": holding})
        if socket.poll(50):
            kind, header, body = receive(socket)
            about, code, heard_at = [header.get("id"), header.get("attempt")], header.get("code"), now
            if kind == WELCOME:
                welcomed, beat_s, lease_s = True, header["heartbeat_s"], header["lease_s"]
                send(socket, *kept or (HEARTBEAT, {}))
            elif kind == DELIVER and not hand:
                hand, renew_at = (about, header, body, now + work_s), now + lease_s / 3
            elif code == "protocol.replaced":
                return
            elif code == "protocol.no_session":
                welcomed, beat_at = False, now
            elif code in ("protocol.queue_full", "infra.journal") and kept:
                time.sleep(0.5)
                send(socket, *kept)
            elif kind in (ACCEPTED, ERROR) and hand and about == hand[0]:
                if kept and (kept[0] == NACK or code in (None, "protocol.stale_attempt")):
                    hand = kept = None
                else:  # a RENEW came too late, or an emit was refused: give the message back
                    kept = nack(about, code)
                    send(socket, *kept)
        if (now >= beat_at and not welcomed) or now - heard_at > 4 * beat_s:
            socket = socket.close(0)
        elif now >= beat_at:
            beat_at = now + beat_s
            send(socket, HEARTBEAT, {"activity": "waits" if hand is None else "works"})
        elif hand and not kept and welcomed and now >= hand[3]:
            kept = draft(me, *hand)
            send(socket, *kept)
        elif hand and not kept and welcomed and now >= renew_at:
            renew_at = now + lease_s / 3
            send(socket, RENEW, {"id": hand[0][0], "attempt": hand[0][1]})


def draft(me, about, envelope, body, _done_at):
    """The answer to a delivery: an ACK with one emit."""
    if envelope["type"] != "draft.requested.v1":
        return nack(about, "protocol.unknown_type")
    candidate = {"index": 0, "content": TEXT, "sha256": digest(TEXT)}
    proposed = {"request": msgpack.unpackb(body), "candidates": [candidate]}
    message, run = uuid7(), envelope["subject"]
    header = {
        "specversion": "1.0",
        "id": message,
        "source": f"{me['agent']}/{me['incarnation']}",
        "type": "draft.proposed.v1",
        "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "to": "gate-keeper",
        "traceparent": f"00-{digest(run)[:32]}-{digest(message)[:16]}-01",
        "causationid": envelope["id"],
        "correlationid": envelope.get("correlationid", envelope["id"]),
        "hops": envelope.get("hops", 0) + 1,
        **{name: envelope[name] for name in INHERITED if name in envelope},
    }
    emits = msgpack.packb([msgpack.packb(header), msgpack.packb(proposed)])
    return ACK, {"id": about[0], "attempt": about[1], "credit": 1}, emits


def nack(about, code):
    why = {"code": code, "reason": "the plain client cannot go on", "fatal": True}
    return NACK, {"id": about[0], "attempt": about[1], "credit": 1, **why}


def send(socket, kind, header, body=b""):
    socket.send_multipart([b"\x01", bytes([kind]), msgpack.packb(header), body])


def receive(socket):
    _version, kind, header, body = socket.recv_multipart()
    header = msgpack.unpackb(header)
    told = [kind[0], *(header.get(name) for name in ("id", "attempt", "code", "duplicate"))]
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()
    return kind[0], header, body


def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()


def uuid7():
    random = uuid.uuid4().int & ~(0xFFFFFFFFFFFF << 80 | 0xF << 76)
    return str(uuid.UUID(int=time.time_ns() // 1_000_000 << 80 | 0x7 << 76 | random))


if __name__ == "__main__":
    live(
        sys.argv[1], {"agent": "plain", "role": "go-dev", "incarnation": uuid.uuid4().hex}, float(sys.argv[2])
    )
