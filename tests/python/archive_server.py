"""A web server on 127.0.0.1 that serves one file, well or badly, and a maker of zip archives."""
import binascii
import contextlib
import http.server
import re
import struct
import threading
import zlib


class Faults:
    """What the server does wrong, and what it was asked for."""

    def __init__(self, content):
        self.content = content
        self.honours_ranges = True
        self.cuts = []          # of the next answers over 1000 bytes: break off after so many bytes
        self.cut_always = None  # of all of them
        self.statuses = []      # answer the next requests with these instead
        self.shift_range = 0    # added to the Content-Range that is told
        self.redirect_from = None
        self.asked = []         # (first, last), or None for a request without a range
        self.sent = 0


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # the head and the body are written apart

    def log_message(self, *_):
        pass

    def answer(self, status, headers=(), body=b""):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        faults = self.server.faults
        if self.path == faults.redirect_from:
            return self.answer(302, [("Location", "/archive.zip")])
        match = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        faults.asked.append(tuple(map(int, match.groups())) if match else None)
        if faults.statuses:
            return self.answer(faults.statuses.pop(0))
        content = faults.content if isinstance(faults.content, bytes) else faults.content.get(self.path)
        if content is None:
            return self.answer(404)
        size = len(content)
        if not faults.honours_ranges or not match:
            first, last = 0, size - 1
            self.send_response(200)
        else:
            first, last = int(match[1]), min(int(match[2]), size - 1)
            if first >= size:
                return self.answer(416)
            self.send_response(206)
            shift = faults.shift_range
            self.send_header("Content-Range", f"bytes {first + shift}-{last + shift}/{size}")
        self.send_header("Content-Length", str(last - first + 1))
        self.end_headers()
        body = content[first:last + 1]
        if len(body) > 1000:
            if faults.cut_always is not None:
                body = body[:faults.cut_always]
            elif faults.cuts:
                body = body[:faults.cuts.pop(0)]
        try:
            for at in range(0, len(body), 1 << 16):
                faults.sent += self.wfile.write(body[at:at + (1 << 16)])
        except ConnectionError:
            self.close_connection = True
        if len(body) < last - first + 1:
            self.close_connection = True  # less than was promised: the connection breaks off


@contextlib.contextmanager
def serve(content):
    """Yields (address, Faults). content: the bytes at every path, or {path: bytes}."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.faults = Faults(content)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/archive.zip", server.faults
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def make_zip(members, deflate=True, zip64=False, local_extra=b"", comment=b""):
    """The bytes of an archive of {name: bytes}; zip64: every number that may stand in a 64-bit field does."""
    out, directory = b"", b""
    for name, content in members.items():
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        packed = packer.compress(content) + packer.flush() if deflate else content
        method, crc, encoded = 8 if deflate else 0, binascii.crc32(content), name.encode()
        large = 0xFFFFFFFF
        sizes = (large, large) if zip64 else (len(packed), len(content))
        # an unrelated extra field before the 64-bit one
        extra = struct.pack("<HH3s", 0x7777, 3, b"xyz")
        if zip64:
            extra += struct.pack("<HHQQQ", 1, 24, len(content), len(packed), len(out))
        directory += struct.pack("<4s6H3I5H2I", b"PK\1\2", 45, 45, 0, method, 0, 0, crc, *sizes, len(encoded),
                                 len(extra), 4, 0, 0, 0, large if zip64 else len(out)) + encoded + extra + b"note"
        out += struct.pack("<4s5H3I2H", b"PK\3\4", 45, 0, method, 0, 0, crc, len(packed), len(content),
                           len(encoded), len(local_extra)) + encoded + local_extra + packed
    start, count = len(out), len(members)
    out += directory
    if zip64:
        end = len(out)
        out += struct.pack("<4sQ2H2I4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, len(directory), start)
        out += struct.pack("<4sIQI", b"PK\6\7", 0, end, 1)
        count, size, start = 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF
    else:
        size = len(directory)
    return out + struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, count, count, size, start, len(comment)) + comment
