"""Frames of the bridge, in Python alone."""

import pytest

from soc.formats.bridge import (
    FrameError,
    Operation,
    Response,
    Status,
    decode_response,
    encode_request,
    response_length,
)

# CRC-16/IBM-3740 of "123456789" is 0x29B1: the check value of its catalogue entry.
RESPONSE = bytes([0x53, 0x10, 2, 1, 0, 0, 0, 0xEF, 0xBE, 0xAD, 0xDE])


def _with_crc(frame):
    crc = 0xFFFF
    for byte in frame[1:]:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ 0x1021 if crc & 0x8000 else crc << 1) & 0xFFFF
    return frame + crc.to_bytes(2, "big")


def test_the_crc_is_the_named_one():
    assert _with_crc(b"\x00" + b"123456789")[-2:] == (0x29B1).to_bytes(2, "big")


@pytest.mark.parametrize(
    ("request_", "frame"),
    [
        ((Operation.READ, 0x0810, {}), "57 00 04 02 00 00"),
        ((Operation.READ, 0x1_0000, {"count": 16}), "57 0f 00 40 00 00"),
        ((Operation.INTERRUPTS, 0, {}), "57 20 00 00 00 00"),
        (
            (Operation.WRITE, 0xFFFF_FFFC, {"words": (0x0102_0304, 0xFFFF_FFFF)}),
            "57 11 ff ff ff 3f 04 03 02 01 ff ff ff ff",
        ),
    ],
)
def test_requests(request_, frame):
    operation, address, parameters = request_
    assert encode_request(operation, address, **parameters) == _with_crc(bytes.fromhex(frame))


@pytest.mark.parametrize(
    ("operation", "address", "parameters", "sentence"),
    [
        (Operation.READ, 2, {}, "Address must be a multiple of 4 within 32 bits, not 0x2"),
        (Operation.READ, 1 << 32, {}, "Address must be a multiple of 4 within 32 bits, not 0x100000000"),
        (Operation.READ, 0, {"count": 17}, "Number of words must be 1 to 16, not 17"),
        (Operation.WRITE, 0, {}, "Number of words must be 1 to 16, not 0"),
    ],
)
def test_refused_requests(operation, address, parameters, sentence):
    with pytest.raises(ValueError) as caught:
        encode_request(operation, address, **parameters)
    assert str(caught.value) == sentence


def test_response():
    frame = _with_crc(RESPONSE)
    assert response_length(frame[:3]) == len(frame)
    assert decode_response(frame) == Response(Status.BUS_ERROR, Operation.READ, 2, (1, 0xDEAD_BEEF))


def test_the_answer_to_a_write_has_no_words():
    frame = _with_crc(bytes([0x53, 0x01, 5]))
    assert response_length(frame[:3]) == 5
    assert decode_response(frame) == Response(Status.OK, Operation.WRITE, 5, ())


@pytest.mark.parametrize("index", range(len(RESPONSE) + 2))
def test_no_broken_response_is_taken(index):
    frame = bytearray(_with_crc(RESPONSE))
    frame[index] ^= 0x40
    with pytest.raises(FrameError):
        decode_response(bytes(frame))


@pytest.mark.parametrize("length", range(len(RESPONSE) + 2))
def test_no_cut_response_is_taken(length):
    with pytest.raises(FrameError):
        decode_response(_with_crc(RESPONSE)[:length])


@pytest.mark.parametrize("header", [0x30, 0x03])
def test_unknown_headers_are_refused(header):
    with pytest.raises(FrameError):
        decode_response(_with_crc(bytes([0x53, header, 0])))
