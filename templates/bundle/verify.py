"""python3 verify.py [FOLDER [KEYS]]: 离线核验本证明包。 Verify this bundle without a network.

KEYS: 从他处取得的公钥，代替包内的 keys.txt / public keys from elsewhere. Exit: 0 属实 whole, 1 不符 not.
"""

import base64
import hashlib
import json
import re
import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def need(fits, chinese, english):
    if not fits:
        raise ValueError(f"{chinese} / {english}")


def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def decode(text):
    found = base64.b64decode(text, validate=True)
    need(base64.b64encode(found).decode() == text, "编码有误", "a second spelling of base64")
    return found


def climb(place, size, hashes, first, old=None):
    """Return the root that a path leads to (RFC 9162, 2.1.3.2); with old, both (2.1.4.2)."""
    last, new = size - 1, first
    while old and place & 1:
        place, last = place >> 1, last >> 1
    for one in hashes:
        need(last > 0, "路径过长", "the path is too long")
        if place & 1 or place == last:
            new, old = sha(b"\x01", one, new), old and sha(b"\x01", one, old)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            new = sha(b"\x01", new, one)
        place, last = place >> 1, last >> 1
    need(last == 0, "路径过短", "the path is too short")
    return new, old


def read_keys(path):
    """Return the keys by (name, id in hex): kind and bytes (c2sp.org/signed-note)."""
    keys = {}
    for line in path.read_text(encoding="utf-8").split("\n")[:-1]:
        name, key_id, encoded = line.split("+", 2)
        key = decode(encoded)
        need(sha(name.encode(), b"\n", key).hex()[:8] == key_id, "公钥有误", "a bad key")
        keys[name, key_id] = key[0], key[1:]
    return keys


def read_checkpoint(note, keys):
    """Return size and root: every signature is of a key, and every key has signed."""
    text, _, lines = note.rpartition("\n\n")
    text, signed = f"{text}\n", set()
    for line in lines.split("\n")[:-1]:
        dash, name, encoded = line.split(" ")
        content = decode(encoded)
        key = keys.get((name, content[:4].hex()))
        need(dash == "\u2014" and key, f"签名人不明：{name}", f"signed by a stranger: {name}")
        begin = 12 if key[0] == 4 else 4  # a witness: c2sp.org/tlog-cosignature
        time = f"cosignature/v1\ntime {int.from_bytes(content[4:12], 'big')}\n" * (begin == 12)
        Ed25519PublicKey.from_public_bytes(key[1]).verify(content[begin:], (time + text).encode())
        signed.add((name, content[:4].hex()))
    need(keys and signed == set(keys) and note.endswith("\n"), "签名不全", "a signature lacks")
    _, size, root, *rest = text.split("\n")
    need(re.fullmatch("[1-9][0-9]*", size) and rest == [""], "校验点有误", "a bad checkpoint")
    return int(size), decode(root)


def check_proof(path, note, size, root, event):
    """Check that an event is in the tree (c2sp.org/tlog-proof)."""
    head, _, checkpoint = path.read_bytes().decode().partition("\n\n")
    version, index, *hashes = head.split("\n")
    number = re.fullmatch("index (0|[1-9][0-9]*)", index)
    need(version == "c2sp.org/tlog-proof@v1" and number, "证明格式有误", "a bad proof")
    need(checkpoint == note and int(number[1]) < size, "校验点不符", "of another checkpoint")
    found = climb(int(number[1]), size, map(decode, hashes), sha(b"\x00", bytes.fromhex(event)))
    need(found[0] == root, "事件不在历史中", "the event is not in the history")


def check_event(folder, name, seq, prev, told):
    """Return the hash of an event; check its place in the chain of its case, and its text."""
    if (withheld := folder / "events" / f"{name}.hash").exists():
        told["hash only 仅有哈希"] += 1
        return withheld.read_text(encoding="ascii")
    event = json.loads(content := (folder / "events" / f"{name}.json").read_bytes())
    need(event["seq"] == seq and event["prev"] == prev, "链条中断", f"the chain breaks at {seq}")
    if (text := folder / "texts" / f"{name}.json").exists():
        kept = json.loads(text.read_text(encoding="utf-8"))
        body = sha(bytes.fromhex(kept["salt"]), kept["body"].encode()).hex()
        need(body == event["body"], "文字与承诺值不符", f"the text of {seq} is another")
        told["texts 文字"] += 1
    return sha(content).hex()


def check_printed(path, size, root):
    """Check that the tree named on a letter is the beginning of this one; return its name."""
    first, old, *proof = path.read_bytes().decode().split("\n")[:-1]
    number, before, hashes = int(first), decode(old), [decode(one) for one in proof]
    hashes[:0] = [before] if number & (number - 1) == 0 else []
    if (number, before) != (size, root):
        both = climb(number - 1, size, hashes[1:], hashes[0], hashes[0])
        need(both == (root, before), "历史曾被改写", "the history was rewritten")
    return f"{number} · {before.hex()[:16]}"


def main():
    folder, *given = [*map(Path, sys.argv[1:])] or [Path(__file__).parent]
    told, prev, say = {"texts 文字": 0, "hash only 仅有哈希": 0}, "0" * 64, sys.stdout.write
    try:
        then = (folder / "files.txt").read_bytes().decode().split("\n")
        files = (p for p in folder.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
        sums = {p.relative_to(folder).as_posix(): sha(p.read_bytes()).hex() for p in files}
        now = [*(f"{sums[p]}  {p}" for p in sorted({*sums} - {"files.txt", ".DS_Store"})), ""]
        odd = ", ".join(sorted({one[66:] for one in {*now} ^ {*then} if one[66:]})) or "files.txt"
        need(now == then, "文件缺失、多余或者有改动", f"a file is missing, extra or changed: {odd}")
        note = (folder / "checkpoint").read_bytes().decode()
        keys = read_keys(given[0] if given else folder / "keys.txt")
        size, root = read_checkpoint(note, keys)
        names = sorted(one.stem for one in (folder / "events").iterdir())
        need(names, "没有事件", "there are no events")
        for seq, name in enumerate(names, 1):
            prev = check_event(folder, name, seq, prev, told)
            check_proof(folder / "proofs" / f"{name}.tlog-proof", note, size, root, prev)
        letters = sorted(check_printed(one, size, root) for one in folder.glob("printed/*"))
    except Exception as flaw:  # whatever does not fit is no proof
        bad = f"签名或者格式有误 / a bad signature or form ({type(flaw).__name__})"
        say(f"✗ 不符 NOT VERIFIED: {flaw if ' / ' in str(flaw) else bad}\n")
        return 1
    say(f"✓ 属实：{len(names)} 个事件依次相连，均列入已签名的历史\n")
    say(f"✓ VERIFIED: {len(names)} events, one chain, all in the signed history\n")
    told["checkpoint 校验点"] = f"{size} · {root.hex()[:16]}"
    told |= {f"signed by 签名 {number}": name for number, (name, _) in enumerate(keys, 1)}
    told |= {f"on a letter 文书所载 {number}": one for number, one in enumerate(letters, 1)}
    say("".join(f"  {name}: {count}\n" for name, count in told.items()))
    return 0


if __name__ == "__main__":
    sys.stdout.reconfigure(errors="replace")  # a terminal of another character set
    sys.exit(main())
