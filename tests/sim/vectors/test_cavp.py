"""CAVP's text form: its groups, comments and odd lines, in small files of our own."""

import hashlib

import pytest

from sim.vectors.cases import (
    Case,
    Cmac,
    Ecdh,
    EcdsaSign,
    Gcm,
    Hash,
    HashChain,
    Hmac,
    PublicKey,
    Result,
    Skipped,
    Ways,
)
from sim.vectors.cavp import read_cavp
from sim.vectors.judge import complaint
from soc.errors import InputError

KEY = bytes(range(16))


def judged(text, reference):
    """The vectors of a file, and what the reference gets wrong."""
    vectors = list(read_cavp(text, "made.rsp"))
    wrong = [complaint(vector, reference) for vector in vectors if isinstance(vector, Case)]
    return vectors, [sentence for sentence in wrong if sentence]


def lines(**fields):
    return "".join(f"{name} = {value}\n" for name, value in fields.items()) + "\n"


def test_digests(reference):
    text = "#  a comment\n\n[L = 32]\n\n"
    text += lines(Len=0, Msg="00", MD=hashlib.sha256().hexdigest())
    text += lines(Len=16, Msg="abcd", MD=hashlib.sha256(b"\xab\xcd").hexdigest()).rstrip("\n")
    text += "\r\n" + lines(Len=7, Msg="aa", MD="00" * 32) + lines(Len=8, Msg="aa", MD="00" * 20)
    vectors, wrong = judged(text, reference)
    assert not wrong
    assert [type(vector) for vector in vectors] == [Hash, Hash, Skipped, Skipped]
    assert [vector.message for vector in vectors[:2]] == [b"", b"\xab\xcd"]
    assert vectors[2].reason == "a message that is no whole number of bytes is not built in"
    assert vectors[3].reason == "a digest of 20 bytes is not built in"
    assert str(vectors[1].place) == "made.rsp: L = 32, number 2"


@pytest.mark.parametrize("name", ["SHA3-256", "SHA-512/256", "SM3"])
def test_other_digests_of_32_bytes(name):
    text = f'#  CAVS\n#  "{name} ShortMsg" information\n\n' + lines(Len=0, Msg="00", MD="00" * 32)
    (vector,) = read_cavp(text, "made.rsp")
    assert isinstance(vector, Skipped)
    assert vector.reason == f"a digest by {name} is not built in"


def test_a_chain_begins_where_the_one_before_ended(reference):
    seeds = [bytes(32)]
    for _ in range(2):
        digests = [seeds[-1]] * 3
        for _ in range(1000):
            digests = [*digests[1:], hashlib.sha256(b"".join(digests)).digest()]
        seeds.append(digests[-1])
    text = "[L = 32]\n\n" + lines(Seed=seeds[0].hex())
    text += "".join(lines(COUNT=count, MD=seed.hex()) for count, seed in enumerate(seeds[1:]))
    vectors, wrong = judged(text, reference)
    assert not wrong
    assert [vector.seed for vector in vectors] == seeds[:2]
    assert str(vectors[1].place) == "made.rsp: L = 32, number 2, COUNT = 1"
    assert isinstance(vectors[0], HashChain)


def test_hmac(reference):
    mac = reference.hmac_sha256(KEY, b"abc").hex()[:32]
    text = "[L=20]\n" + lines(Count=0, Klen=16, Tlen=16, Key=KEY.hex(), Msg="616263", Mac=mac)
    text += "[L=32]\n" + lines(Count=0, Klen=16, Tlen=16, Key=KEY.hex(), Msg="616263", Mac=mac)
    vectors, wrong = judged(text, reference)
    assert not wrong
    assert [type(vector) for vector in vectors] == [Skipped, Hmac]
    assert vectors[0].reason == "HMAC with a digest of 20 bytes is not built in"


def test_cmac(reference):
    mac = reference.aes_cmac(KEY, b"").hex()[:16]
    fields = {"Count": 0, "Klen": 16, "Mlen": 0, "Tlen": 8, "Key": KEY.hex(), "Msg": "00"}
    text = lines(**fields, Mac=mac, Result="P") + lines(**fields, Mac="00" * 8, Result="F (1 - MAC changed)")
    vectors, wrong = judged(text, reference)
    assert not wrong
    assert [(type(vector), vector.result) for vector in vectors] == [
        (Cmac, Result.VALID),
        (Cmac, Result.INVALID),
    ]


def test_gcm_goes_the_way_that_its_lines_go(reference):
    sealed = reference.aes_gcm_encrypt(key=KEY, iv=b"iv", aad=b"", plaintext=b"pt", tag_bytes=4)
    tested = {"Key": KEY.hex(), "IV": b"iv".hex(), "AAD": ""}
    text = "[Keylen = 128]\n[IVlen = 16]\n\n"
    text += lines(Count=0, **tested, PT="7074", CT=sealed.ciphertext.hex(), Tag=sealed.tag.hex())
    text += lines(Count=1, **tested, CT=sealed.ciphertext.hex(), Tag=sealed.tag.hex(), PT="7074")
    text += lines(Count=2, **tested, CT=sealed.ciphertext.hex(), Tag="00000000").rstrip("\n") + "\nFAIL\n\n"
    text += "[Keylen = 192]\n[IVlen = 16]\n\n" + lines(
        Count=0, **{**tested, "Key": "00" * 24}, PT="", CT="", Tag="00"
    )
    vectors, wrong = judged(text, reference)
    assert not wrong
    assert all(isinstance(vector, Gcm) for vector in vectors[:3])
    assert [vector.ways for vector in vectors[:3]] == [Ways.SEAL, Ways.OPEN, Ways.OPEN]
    assert [vector.result.value for vector in vectors[:3]] == ["valid", "valid", "invalid"]
    assert vectors[3].place.group == "Keylen = 192, IVlen = 16"
    assert vectors[3].reason == "AES-192 is not built in"


@pytest.mark.parametrize(
    ("preamble", "reason"),
    [
        (
            "# 'KW-AE with AES-128 inverse cipher function'",
            "key wrap with the inverse cipher is not built in",
        ),
        ("# 'KWP-AE with AES-128 cipher function'", "key wrap with padding is not built in"),
        ("# 'TKW-AE with TDEA'", "key wrap with triple DES is not built in"),
    ],
)
def test_other_key_wraps(preamble, reason):
    (vector,) = read_cavp(
        f"{preamble}\n\n" + lines(COUNT=0, K="00" * 16, P="00" * 16, C="00" * 24), "made.rsp"
    )
    assert isinstance(vector, Skipped)
    assert vector.reason == reason


def test_curves(reference):
    public, peer = reference.p256_public(5), reference.p256_public(6)
    point = {"Qx": f"{public.x:x}", "Qy": f"{public.y:x}"}
    text = "[P-256]\n\n" + lines(**point, Result="P (0 )")
    text += lines(Qx="f" * 65, Qy="1", Result="F (1 - Q_x or Q_y out of range)")
    text += lines(Qx="1", Qy="1", Result="F (2 - Point not on curve)")
    text += "[K-163]\n\n" + lines(**point, Result="P (0 )")
    text += "[P-256,MD4]\n\n" + lines(Msg="00", **point, R="1", S="1")
    text += "[P-256,SHA-384]\n\n" + lines(Msg="00", d="5", **point, k="7", R="1", S="1")
    text += "[P-256]\n\n" + lines(
        COUNT=0,
        QCAVSx=f"{peer.x:x}",
        QCAVSy=f"{peer.y:x}",
        dIUT="5",
        QIUTx=point["Qx"],
        QIUTy=point["Qy"],
        ZIUT=reference.ecdh(5, peer).hex(),
    )
    vectors, wrong = judged(text, reference)
    assert not wrong
    kinds = [PublicKey, PublicKey, PublicKey, Skipped, Skipped, EcdsaSign, Ecdh]
    assert [type(vector) for vector in vectors] == kinds
    assert vectors[3].reason == "the curve K-163 is not built in"
    assert vectors[4].reason == "the digest MD4 is not built in"
    assert vectors[5].digest_name == "sha384"


POINT = {"Qx": "1", "Qy": "1"}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "[L = 32]\n\nLen = 8\nMD = 00\n",
            "line 3: a vector of Len, MD is of no known kind; docs/vectors.md",
        ),
        ("Len = 8\nMsg = 0\nMD = " + "00" * 32, "line 1: 'Msg' is '0', where an even number of hex digits"),
        ("Len = x\nMsg = 00\nMD = " + "00" * 32, "line 1: 'Len' is 'x', where a natural number is needed"),
        ("Len = 16\nMsg = 00\nMD = " + "00" * 32, "'Msg' has 1 bytes, which are less than 16 bits"),
        ("COUNT = 0\nMD = " + "00" * 32, "line 1: there is no 'Seed'"),
        ("K = 00\nC = 00\nN = 00", "line 1: a vector of K, C, N is of no known kind"),
        ("Len = 8\nnonsense\n", "line 2: 'nonsense' is no 'name = value'"),
        (lines(**POINT, Result="P"), "there is no group of a curve above it, such as [P-256]"),
        ("[P-256]\n" + lines(**POINT, Result="Q"), "'Result' is 'Q', where P or F is needed"),
        ("[P-256]\n" + lines(Qx="-1", Qy="1", Result="P"), "'Qx' is '-1', where hex digits are needed"),
        ("[P-256]\n" + lines(Qx="", Qy="1", Result="P"), "'Qx' is '', where hex digits are needed"),
        (
            lines(Key="00", Msg="", Mac="00"),
            "there is no group of a digest's length above it, such as [L=32]",
        ),
    ],
)
def test_what_is_refused(text, sentence):
    with pytest.raises(InputError) as refusal:
        list(read_cavp(text, "made.rsp"))
    assert str(refusal.value).startswith("made.rsp: line ")
    assert sentence in str(refusal.value)
