"""python3 verify.py [FOLDER [KEYS]]: 离线核验证明包 verify a bundle offline. Exit: 0 whole, 1 not."""
# KEYS: 从他处取得的公钥，代替包内的 keys.txt / public keys from elsewhere, in place of keys.txt

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


def read_keys(text):
    """Return the keys by (name, id in hex): kind and bytes (c2sp.org/signed-note)."""
    keys = {}
    for line in text.split("\n")[:-1]:
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


def check_event(files, seq, prev, told, tree):
    """Return the hash of an event; check its place in its chain and in the tree, and its text."""
    if leaf := files.pop(f"events/{seq:04d}.hash", b"").decode("ascii"):
        told["hash only 仅有哈希"] += 1
    else:
        event = json.loads(content := files.pop(f"events/{seq:04d}.json"))
        place = (event["seq"], event["prev"], told.setdefault("matter 事项", event["stream"]))
        need(place == (seq, prev, event["stream"]), "链条中断", f"the chain breaks at {seq}")
        told["newest event shown 所示最新事件"] = f"{seq} · {event['at']} · {event['transition']}"
        leaf = sha(content).hex()
        if text := files.pop(f"texts/{seq:04d}.json", b""):
            kept = json.loads(text)
            body = sha(bytes.fromhex(kept["salt"]), kept["body"].encode()).hex()
            need(body == event["body"], "文字与承诺值不符", f"the text of {seq} is another")
            told["texts 文字"] += 1
    note, size, root = tree  # the proof: c2sp.org/tlog-proof
    head, _, checkpoint = files.pop(f"proofs/{seq:04d}.tlog-proof").decode().partition("\n\n")
    version, index, *hashes = head.split("\n")
    number = re.fullmatch("index (0|[1-9][0-9]*)", index)
    need(version == "c2sp.org/tlog-proof@v1" and number, "证明格式有误", "a bad proof")
    need(checkpoint == note and int(number[1]) < size, "校验点不符", "of another checkpoint")
    found = climb(int(number[1]), size, map(decode, hashes), sha(b"\x00", bytes.fromhex(leaf)))
    need(found[0] == root, "事件不在历史中", "the event is not in the history")
    return leaf


def check_printed(content, size, root):
    """Check that the tree named on a letter is the beginning of this one; return its name."""
    first, old, *proof = content.decode().split("\n")[:-1]
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
        paths = (p for p in folder.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
        files = {p.relative_to(folder).as_posix(): p.read_bytes() for p in paths}
        then, own = files.pop("files.txt").decode().split("\n"), sorted({*files} - {".DS_Store"})
        now = [*(f"{sha(files[p]).hex()}  {p}" for p in own), ""]
        odd = ", ".join(sorted({one[66:] for one in {*now} ^ {*then}} - {""}) or ["files.txt"])
        need(now == then, "文件缺失、多余或者有改动", f"a file is missing, extra or changed: {odd}")
        note = files.pop("checkpoint").decode()
        keys = read_keys((given[0].read_bytes() if given else files["keys.txt"]).decode())
        size, root = read_checkpoint(note, keys)
        need(count := sum(p[:7] == "events/" for p in files), "没有事件", "there are no events")
        for seq in range(1, count + 1):
            prev = check_event(files, seq, prev, told, (note, size, root))
        printed = sorted(p for p in files if p[:8] == "printed/")
        letters = sorted(check_printed(files.pop(p), size, root) for p in printed)
        known = {"README.txt", "attachments.txt", "keys.txt", "verify.py", ".DS_Store"}
        odd = ", ".join(sorted({*files} - known))
        need(not odd, f"不属于任何事件：{odd}", f"of no event, or of one twice: {odd}")
    except Exception as flaw:  # whatever does not fit is no proof
        bad = f"签名或者格式有误 / a bad signature or form ({type(flaw).__name__})"
        say(f"✗ 不符 NOT VERIFIED: {flaw if ' / ' in str(flaw) else bad}\n")
        return 1
    say(f"✓ 属实：{count} 个事件依次相连，均列入已签名的历史\n")
    say(f"✓ VERIFIED: {count} events, one chain, all in the signed history\n")
    told["checkpoint 校验点"] = f"{size} · {root.hex()[:16]}"
    told |= {f"signed by 签名 {number}": name for number, (name, _) in enumerate(keys, 1)}
    told |= {f"on a letter 文书所载 {number}": one for number, one in enumerate(letters, 1)}
    say("".join(f"  {name}: {count}\n" for name, count in told.items()))
    return 0


if __name__ == "__main__":
    sys.stdout.reconfigure(errors="replace")  # a terminal of another character set
    sys.exit(main())
