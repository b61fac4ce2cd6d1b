"""核验本证明包，不连接网络。 Verify this bundle; nothing is asked of any network.

python3 verify.py [--keys FILE] [FOLDER]    (Python 3.9+, and its library `cryptography`)

FOLDER: 证明包所在目录 / where the bundle was unpacked. FILE: 从他处取得的公钥，代替包内的 keys.txt /
public keys that you have from elsewhere, in place of keys.txt. Exit code 0: 属实 whole; 1: 不符 not.
"""

import argparse
import base64
import hashlib
import json
import re
import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

GENESIS = "0" * 64


class Bad(Exception):
    """Something does not fit."""


def need(fits, chinese, english):
    if not fits:
        raise Bad(f"{chinese} / {english}")


def decode(text, length=None):
    found = base64.b64decode(text, validate=True)
    one_spelling = base64.b64encode(found).decode() == text
    need(one_spelling and length in (None, len(found)), "编码有误", "bad base64")
    return found


def hash_node(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()


def climb(place, size, hashes, first, old=None):
    """Return the root that a path leads to (RFC 9162, 2.1.3.2); with old, both (2.1.4.2)."""
    last, new = size - 1, first
    if old:
        while place & 1:
            place, last = place >> 1, last >> 1
    for one in hashes:
        need(last > 0, "路径过长", "the path is too long")
        if place & 1 or place == last:
            new, old = hash_node(one, new), old and hash_node(one, old)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            new = hash_node(new, one)
        place, last = place >> 1, last >> 1
    need(last == 0, "路径过短", "the path is too short")
    return new, old


def read_keys(path):
    """Return the keys by (name, id in hex): kind and bytes."""
    keys = {}
    for line in path.read_text(encoding="utf-8").split("\n")[:-1]:
        name, key_id, encoded = line.split("+", 2)
        material = decode(encoded, 33)
        named = hashlib.sha256(name.encode() + b"\n" + material).hexdigest()
        need(named[:8] == key_id, "公钥与名称不符", "a key does not fit its name")
        keys[name, key_id] = material[0], material[1:]
    need(keys, "没有公钥", "there are no keys")
    return keys


def read_checkpoint(note, keys):
    """Return size and root, once every signature and every key was found to fit."""
    text, _, lines = note.rpartition("\n\n")
    text, signed = f"{text}\n", set()
    need(note.endswith("\n"), "校验点有误", "a bad checkpoint")
    for line in lines[:-1].split("\n"):
        dash, name, encoded = line.split(" ")
        content = decode(encoded)
        key = keys.get((name, content[:4].hex()))
        need(dash == "\u2014" and key, f"签名人不明：{name}", f"signed by a stranger: {name}")
        said, signature = text, content[4:]
        if key[0] == 4:  # noqa: PLR2004  # a witness: c2sp.org/tlog-cosignature
            said = f"cosignature/v1\ntime {int.from_bytes(signature[:8], 'big')}\n{text}"
            signature = signature[8:]
        Ed25519PublicKey.from_public_bytes(key[1]).verify(signature, said.encode())
        signed.add((name, content[:4].hex()))
    need(signed == set(keys), "有公钥没有签名", "a key has not signed")
    origin, size, root, *rest = text.split("\n")
    need(origin and re.fullmatch("[1-9][0-9]*", size) and rest == [""], "校验点有误", "bad text")
    return int(size), decode(root, 32)


def check_proof(text, note, size, root, event_hash):
    """Check that an event is in the tree: its c2sp.org/tlog-proof."""
    head, _, checkpoint = text.partition("\n\n")
    version, index, *path = head.split("\n")
    number = re.fullmatch("index (0|[1-9][0-9]*)", index)
    need(version == "c2sp.org/tlog-proof@v1" and number, "证明格式有误", "a bad proof")
    need(checkpoint == note, "证明另有校验点", "a proof has another checkpoint")
    need(int(number[1]) < size, "位置超出范围", "a place beyond the tree")
    leaf = hashlib.sha256(b"\x00" + bytes.fromhex(event_hash)).digest()
    found, _ = climb(int(number[1]), size, [decode(one, 32) for one in path], leaf)
    need(found == root, "事件不在历史中", "the event is not in the history")


def check_event(folder, name, seq, prev, told):
    """Return the hash of an event; check its place in the chain of its case, and its text."""
    path = folder / "events" / f"{name}.json"
    if not path.exists():  # 内容不提供，仅提供其哈希 / withheld: its hash only
        withheld = (folder / "events" / f"{name}.hash").read_text(encoding="ascii")
        need(re.fullmatch("[0-9a-f]{64}\n", withheld), "哈希有误", "a bad hash")
        told["withheld"] += 1
        return withheld[:-1]
    content = path.read_bytes()
    event = json.loads(content)
    need((event["seq"], event["prev"]) in ((seq, prev), (seq, prev)), "链条中断", "the chain breaks")
    text = folder / "texts" / f"{name}.json"
    if text.exists():
        kept = json.loads(text.read_text(encoding="utf-8"))
        body = hashlib.sha256(bytes.fromhex(kept["salt"]) + kept["body"].encode()).hexdigest()
        need(body == event["body"], "文字与承诺值不符", "a text is not what was written")
        told["texts"] += 1
    return hashlib.sha256(content).hexdigest()


def check_printed(text, size, root):
    """Check that the tree printed on a letter is the beginning of this one; return what it says."""
    first, old, *proof = text.split("\n")[:-1]
    need(re.fullmatch("[1-9][0-9]*", first) and text.endswith("\n"), "文书校验点有误", "bad")
    number, hashes = int(first), [decode(one, 32) for one in proof]
    before = decode(old, 32)
    if number == size:
        need(before == root and not hashes, "文书校验点不符", "a letter does not fit")
        return f"{number} · {before.hex()[:16]}"
    if number & (number - 1) == 0:
        hashes.insert(0, before)
    need(number < size and hashes, "文书校验点有误", "a letter says too much")
    new, found = climb(number - 1, size, hashes[1:], hashes[0], hashes[0])
    need((new, found) == (root, before), "历史曾被改写", "the history was rewritten")
    return f"{number} · {before.hex()[:16]}"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keys", type=Path)
    parser.add_argument("folder", nargs="?", type=Path, default=Path(__file__).parent)
    chosen = parser.parse_args()
    folder, say = chosen.folder, sys.stdout.write
    told = {"withheld": 0, "texts": 0}
    try:
        note = (folder / "checkpoint").read_text(encoding="utf-8")
        keys = read_keys(chosen.keys or folder / "keys.txt")
        size, root = read_checkpoint(note, keys)
        names = sorted(one.name.partition(".")[0] for one in (folder / "events").iterdir())
        need(names and len(set(names)) == len(names), "没有事件", "there are no events")
        prev = GENESIS
        for seq, name in enumerate(names, 1):
            prev = check_event(folder, name, seq, prev, told)
            proof = (folder / "proofs" / f"{name}.tlog-proof").read_text(encoding="utf-8")
            check_proof(proof, note, size, root, prev)
        printed = [one.read_text() for one in sorted((folder / "printed").glob("*"))]
        letters = [check_printed(one, size, root) for one in printed]
    except Exception as flaw:  # whatever does not fit, is no proof
        say(f"✗ 不符 NOT VERIFIED: {flaw or type(flaw).__name__}\n")
        return 1
    say(f"✓ 属实：{len(names)} 个事件依次相连，均列入已签名的历史（{size} 个事件）\n")
    say(f"✓ VERIFIED: {len(names)} events, in a chain, all in the signed history of {size}\n")
    say(f"  签名 signed by: {', '.join(name for name, _ in keys)}\n")
    say(f"  校验点 checkpoint: {size} · {root.hex()[:16]}\n")
    say(f"  文字 texts checked: {told['texts']}; 仅有哈希 hash only: {told['withheld']}\n")
    say("".join(f"  文书 on a letter, and unchanged since: {one}\n" for one in letters))
    return 0


if __name__ == "__main__":
    sys.exit(main())
