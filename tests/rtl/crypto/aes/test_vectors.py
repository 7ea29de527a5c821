"""Known answers: GCM, CMAC and key wrap of NIST, on both variants."""

from rtl.crypto.aes import Operation

GCM_FILES = [
    f"ciphers/AES/GCM/gcm{way}{bits}.rsp" for way in ("EncryptExtIV", "Decrypt") for bits in (128, 256)
]
GCM_STEP = 97  # of these answers each is asked for, if not all are


def test_gcm(driver, vectors, all_vectors):
    user, asked, wrong = driver(), 0, 0
    for name in GCM_FILES:
        known = vectors(name, ("FAIL", "PT") if "Decrypt" in name else ("TAG",))
        for group in known if all_vectors else known[::GCM_STEP]:
            values = {
                key: bytes.fromhex(group.get(key, "")) for key in ("KEY", "IV", "AAD", "CT", "TAG", "PT")
            }
            user.key(values["KEY"])
            user.iv(values["IV"])
            user.do(Operation.AAD, values["AAD"])
            where = f"{name}, count {group['COUNT']}"
            if "Decrypt" in name:
                user.do(Operation.DECRYPT, values["CT"])
                plain = user.given()[: len(values["CT"])]
                right = "FAIL" not in group
                assert user.check(values["TAG"]) == right, where
                assert not right or plain == values["PT"], where
                wrong += not right
            else:
                user.do(Operation.ENCRYPT, values["PT"])
                assert user.given()[: len(values["PT"])] == values["CT"], where
                assert user.tag()[: len(values["TAG"])] == values["TAG"], where
            asked += 1
    assert asked > 200
    assert wrong > 20


def test_cmac_of_sp_800_38b(driver):
    """Examples of SP 800-38B, appendix D."""
    message = bytes.fromhex(
        "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
        "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710"
    )
    keys = {
        "2b7e151628aed2a6abf7158809cf4f3c": {
            0: "bb1d6929e95937287fa37d129b756746",
            16: "070a16b46b4d4144f79bdd9dd04a287c",
            40: "dfa66747de9ae63030ca32611497c827",
            64: "51f0bebf7e3b9d92fc49741779363cfe",
        },
        "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4": {
            0: "028962f61b7bf89efc6b551f4667d983",
            16: "28a7023f452e8f82bd4bf28d8c37c35c",
            40: "aaf3d8f1de5640c232f5b169b9c911e6",
            64: "e1992190549f6ed5696a2c056c315410",
        },
    }
    user = driver()
    for key, answers in keys.items():
        for length, tag in answers.items():
            user.key(bytes.fromhex(key))
            user.do(Operation.MAC, message[:length], final=1)
            assert user.tag().hex() == tag, f"{length} bytes"
