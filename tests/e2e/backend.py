"""PyPI's `pusher`, kept running. Reads a JSON object a line: {"app", "port", "call", "args"}; prints what the call
answers, {"answer": ...}, or how it failed, {"error": class, "message": text}."""

import base64
import json
import sys

import pusher

KEY = base64.b64encode(b"a key of exactly thirty-two byte").decode()

for line in sys.stdin:
    asked = json.loads(line)
    app = asked["app"]
    client = pusher.Pusher(
        app_id=app["id"],
        key=app["key"],
        secret=app["secret"],
        host="127.0.0.1",
        port=asked["port"],
        ssl=False,
        timeout=20,
        encryption_master_key_base64=KEY,
    )
    try:
        told = {"answer": getattr(client, asked["call"])(**asked["args"])}
    except Exception as error:  # Whatever it is, the test names it.
        told = {"error": type(error).__name__, "message": str(error)}
    # The shared secret of an encrypted channel is bytes.
    print(json.dumps(told, default=bytes.decode), flush=True)
