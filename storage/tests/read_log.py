"""Reads a log by FORMAT.md alone: none of the engine's code. Prints each record as a line of JSON.

    python3 read_log.py DIRECTORY        (zstd frames need Python 3.14, or the package `zstandard`)
"""

import json
import struct
import sys
import zlib
from pathlib import Path

FIRST_FRAME, FRAME_HEADER, TRAILER = 4096, 56, 80
DATA, MARK, GAP = 0, 1, 2


def decompress(data: bytes) -> bytes:
    try:
        from compression import zstd  # Python 3.14
        return zstd.decompress(data)
    except ImportError:
        import zstandard
        return zstandard.ZstdDecompressor().decompressobj().decompress(data)


class Segment:
    def __init__(self, path: Path):
        self.path, self.bytes = path, path.read_bytes()
        self.header = next((self.bytes[at : at + 72] for at in (0, 2048) if self.holds(at)), None)
        if self.header is None:
            raise ValueError(f"{path}: both copies of the header are damaged")
        version, checksum, encryption = struct.unpack_from("<HBB", self.header, 8)
        if version > 2 or checksum != 1 or encryption != 0:
            raise ValueError(f"{path}: version {version}, checksum {checksum}, encryption {encryption} is not read here")
        self.base, self.capacity = struct.unpack_from("<QQ", self.header, 40)

    def holds(self, at: int) -> bool:
        copy = self.bytes[at : at + 72]
        return copy[:8] == b"ABRNSEG\0" and struct.unpack_from("<I", copy, 64)[0] == zlib.crc32(copy[:64])

    def crc(self, offset: int, data: bytes) -> int:
        """The seeded checksum: log id and epoch, the offset, the bytes."""
        return zlib.crc32(self.header[16:40] + struct.pack("<Q", offset) + data)

    def trailer(self):
        """Where frames end, and at which position; None if the segment is not sealed."""
        at = len(self.bytes) - TRAILER
        trailer = self.bytes[at:]
        sealed = trailer[:8] == b"ABRNFTR\0" and struct.unpack_from("<I", trailer, 76)[0] == self.crc(at, trailer[:76])
        return struct.unpack_from("<QQQQ", trailer, 8) if sealed else None

    def frame(self, at: int):
        """The header's fields of the frame at `at`, or None."""
        header = self.bytes[at : at + FRAME_HEADER]
        if header[:4] != b"ABFR" or struct.unpack_from("<I", header, 4)[0] != self.crc(at, header[8:]):
            return None
        return struct.unpack_from("<IIIIIBBxxQQII", header, 8)

    def records(self):
        """Lane, position, time and data of each record, until the frames end."""
        position, generation, at, sealed = self.base, 0, FIRST_FRAME, self.trailer()
        while at < (sealed[2] if sealed else self.capacity) and (frame := self.frame(at)):
            payload_crc, stored, raw, lane, count, zstd, kind, first, time, written_by, _ = frame
            payload = self.bytes[at + FRAME_HEADER : at + FRAME_HEADER + stored]
            if first != position or written_by < generation or zlib.crc32(payload) != payload_crc:
                break
            if kind == GAP:
                position += raw << 32
            if kind == DATA:
                payload = decompress(payload) if zstd else payload
                assert len(payload) == raw
                offset = 0
                for number in range(count):
                    (length,) = struct.unpack_from("<I", payload, offset)
                    yield lane, first + number, time, payload[offset + 4 : offset + 4 + length]
                    offset += 4 + length
                assert offset == raw
            position, generation = position + count, written_by
            at += -(-(FRAME_HEADER + stored) // 8) * 8
        if sealed and (at, position) != (sealed[2], sealed[3]):
            raise ValueError(f"{self.path}: damaged at offset {at}")
        self.check_footer(sealed)

    def check_footer(self, sealed):
        """Every entry of the index names a data frame of its lane."""
        if sealed is None:
            return
        offset, size, _, _ = sealed
        footer = self.bytes[offset : offset + size]
        assert self.crc(offset, footer) == struct.unpack_from("<I", self.bytes[-TRAILER:], 68)[0]
        for row in range(struct.unpack_from("<Q", footer)[0]):
            lane, entries, first_entry, _ = struct.unpack_from("<IIQQ", footer, 8 + 24 * row)
            for entry in range(entries):
                first, time, at, count = struct.unpack_from("<QQII", footer, first_entry + 24 * entry)
                frame = self.frame(at)
                assert frame and (frame[3], frame[4], frame[7], frame[8]) == (lane, count, first, time)


def main(directory: str):
    for path in sorted(Path(directory).glob("[0-9]" * 20 + ".segment")):
        for lane, position, time, data in Segment(path).records():
            print(json.dumps({"lane": lane, "position": position, "timestampMs": time, "data": data.hex()}))


if __name__ == "__main__":
    main(sys.argv[1])
