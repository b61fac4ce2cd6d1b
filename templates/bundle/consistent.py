"""python3 consistent.py PROOF OLD [KEYS]: 离线核验历史未被改写。 Check offline that nothing was rewritten.

PROOF: 由 /history/consistency 下载的证明 / the proof from there
OLD: 此前留存的校验点文件，或者文书所印的“事件数:根哈希前 16 位” / a checkpoint kept since, or NUMBER:DIGITS
     as on a letter, e.g. 1234:0123456789abcdef
KEYS: 公钥文件，用于核验新校验点的签名 / public keys, for the signatures of the newer checkpoint
Exit: 0 属实 whole, 1 不符 not. 不引用本系统的任何代码 / It uses none of our code.
"""

import base64
import hashlib
import json
import re
import sys
from pathlib import Path


def need(fits, chinese, english):
    if not fits:
        raise ValueError(f"{chinese} / {english}")


def node(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()


def decode(text):
    found = base64.b64decode(text, validate=True)
    need(base64.b64encode(found).decode() == text, "编码有误", "a second spelling of base64")
    return found


def read_hash(text):
    found = decode(text)
    need(len(found) == 32, "哈希长度有误", "a hash of another length")
    return found


def read_tree(told):
    """Return size and root of one of the two trees."""
    size = told["size"]
    need(type(size) is int and size > 0, "事件数有误", "a bad number of events")
    return size, read_hash(told["root"])


def read_checkpoint(note):
    """Return size and root of a checkpoint (c2sp.org/tlog-checkpoint), no signature checked."""
    _, size, root, *_ = note.split("\n")
    need(re.fullmatch("[1-9][0-9]*", size), "校验点有误", "a bad checkpoint")
    return int(size), read_hash(root)


def check_old(given, size, root):
    """Compare the earlier tree of the proof with what was kept: a file, or number and digits.

    Digits alone prove nothing: a forger could put the old root in as a leaf of another history,
    and name that leaf as the history of then.
    """
    found = re.fullmatch("([1-9][0-9]*)[ :：·]+([0-9a-f]{16,64})", given.lower())
    if found:
        fits = size == int(found[1]) and root.hex().startswith(found[2])
    else:
        chinese = "请写作“事件数:根哈希前 16 位”（仅有根哈希不足以核验），或者给出校验点文件"
        english = "give NUMBER:DIGITS (digits alone prove nothing), or a checkpoint's file"
        need(Path(given).is_file(), chinese, english)
        fits = (size, root) == read_checkpoint(Path(given).read_bytes().decode())
    need(fits, "与您留存的校验点不符", "not of the checkpoint that you kept")


def check_consistency(first, old, second, new, hashes):
    """Check that the tree of the first size is the beginning of the second (RFC 9162, 2.1.4.2)."""
    rewritten = "历史曾被改写", "the history was rewritten"
    if first == second:
        need(old == new and not hashes, *rewritten)
        return
    need(first < second, "先后颠倒", "the earlier tree is the larger one")
    path = [old, *hashes] if first & (first - 1) == 0 else [*hashes]
    need(hashes, "缺少证明", "there is no proof")
    place, last = first - 1, second - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    before = after = path.pop(0)
    for one in path:
        need(last > 0, *rewritten)
        if place & 1 or place == last:
            before, after = node(one, before), node(one, after)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            after = node(after, one)
        place, last = place >> 1, last >> 1
    need(last == 0 and before == old and after == new, *rewritten)


def list_signers(note, path):
    """Return who signed a checkpoint, of the keys of a file; every such signature has to fit."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    keys, found = {}, []
    for line in path.read_text(encoding="utf-8").splitlines():
        name, key_id, encoded = line.split("+", 2)
        keys[name, key_id] = decode(encoded)
        named = name.encode() + b"\n" + keys[name, key_id]
        need(hashlib.sha256(named).hexdigest()[:8] == key_id, "公钥有误", "a bad key")
    text, _, lines = note.rpartition("\n\n")
    text = f"{text}\n"
    for line in lines.split("\n")[:-1]:
        dash, name, encoded = line.split(" ")
        content = decode(encoded)
        need(dash == "\u2014" and note.endswith("\n"), "校验点有误", "a bad checkpoint")
        key = keys.get((name, content[:4].hex()))
        if key is not None:
            begin = 12 if key[0] == 4 else 4  # a witness: c2sp.org/tlog-cosignature
            time = f"cosignature/v1\ntime {int.from_bytes(content[4:12], 'big')}\n" * (begin == 12)
            signed = (time + text).encode()
            Ed25519PublicKey.from_public_bytes(key[1:]).verify(content[begin:], signed)
            found.append((name, key[0]))
    log = text.split("\n")[0], 1
    need(log in found, "没有已知公钥的签名", "signed by no key of the log in that file")
    return [name for name, _ in found]


def main():
    say, signers = sys.stdout.write, []
    if len(sys.argv) not in (3, 4):
        say(__doc__)
        return 2
    try:
        proof = json.loads(Path(sys.argv[1]).read_bytes())
        (first, old), (second, new) = read_tree(proof["first"]), read_tree(proof["second"])
        check_old(sys.argv[2], first, old)
        check_consistency(first, old, second, new, [*map(read_hash, proof["consistency"])])
        if sys.argv[3:]:
            note = proof["checkpoint"]
            need(note, "后者不是签过名的校验点", "the later tree was signed at no such size")
            need(read_checkpoint(note) == (second, new), "校验点不符", "of another checkpoint")
            signers = list_signers(note, Path(sys.argv[3]))
    except Exception as flaw:  # whatever does not fit is no proof
        bad = f"格式或者签名有误 / a bad form or signature ({type(flaw).__name__})"
        say(f"✗ 不符 NOT VERIFIED: {flaw if ' / ' in str(flaw) else bad}\n")
        return 1
    say(f"✓ 属实：前 {first} 个事件原样保留在 {second} 个事件的历史中\n")
    say(f"✓ VERIFIED: the history of {second} events begins with the {first} of then, unchanged\n")
    say("".join(f"  signed by 签名: {name}\n" for name in signers))
    if not signers:
        say("  signatures not checked, no KEYS given 未给出公钥，未核验签名\n")
    return 0


if __name__ == "__main__":
    sys.stdout.reconfigure(errors="replace")  # a terminal of another character set
    sys.exit(main())
