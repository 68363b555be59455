"""What a stranger and an enemy of the audit log do with nothing but SQLite and SHA-256.

    audit.py state LEDGER         size and Merkle root, after checking the chain
    audit.py tamper LEDGER HOW    change the log behind Freehold's back
"""

import base64
import hashlib
import json
import sqlite3
import sys


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def root(leaves):
    """RFC 6962, section 2.1, word for word."""
    if not leaves:
        return sha256()
    if len(leaves) == 1:
        return sha256(b"\0", leaves[0])
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return sha256(b"\1", root(leaves[:split]), root(leaves[split:]))


def rows(database):
    read = "select sequence, record, hash from audit_record order by sequence"
    return [(number, record.encode(), hash) for number, record, hash in database.execute(read)]


def state(database):
    previous, leaves = bytes(32), []
    for place, (number, record, hash) in enumerate(rows(database), 1):
        previous = sha256(previous, record)
        assert (number, hash) == (place, previous.hex()), f"record {place}"
        assert json.loads(record)["sequence"] == place, f"record {place}"
        leaves.append(record)
    print(json.dumps({"size": len(leaves), "root": base64.b64encode(root(leaves)).decode()}))


def write(database, records):
    """Replaces the log by these records, chained as they should be."""
    database.execute("delete from audit_record")
    previous = bytes(32)
    for number, record in enumerate(records, 1):
        previous = sha256(previous, record)
        insert = "insert into audit_record (sequence, record, hash) values (?, ?, ?)"
        database.execute(insert, (number, record.decode(), previous.hex()))


def tamper(database, how):
    for (trigger,) in database.execute(
        "select name from sqlite_schema where type = 'trigger' and tbl_name = 'audit_record'"
    ).fetchall():
        database.execute(f"drop trigger {trigger}")
    edit = "update audit_record set {} where sequence = ?"
    if how == "flip":
        database.execute(edit.format("record = replace(record, 'local', 'lucal')"), (3,))
    elif how == "flip-hash":
        database.execute(edit.format("hash = replace(hash, substr(hash, 1, 1), 'x')"), (3,))
    elif how == "delete":
        database.execute("delete from audit_record where sequence = 3")
    elif how == "delete-and-close":
        database.execute("delete from audit_record where sequence = 3")
        for number in range(4, 9):
            database.execute(edit.format(f"sequence = {number - 1}"), (number,))
    elif how == "reorder":
        for one, other in ((3, -1), (4, 3), (-1, 4)):
            database.execute(edit.format(f"sequence = {other}"), (one,))
    elif how == "insert":
        number, record, hash = rows(database)[-1]
        forged = record.replace(b'"sequence":8', b'"sequence":9').replace(b"local", b"enemy")
        insert = "insert into audit_record (sequence, record, hash) values (?, ?, ?)"
        database.execute(insert, (number + 1, forged.decode(), hash))
    elif how == "insert-before":
        _, record, hash = rows(database)[0]
        insert = "insert into audit_record (sequence, record, hash) values (?, ?, ?)"
        database.execute(insert, (-7, record.decode(), hash))
    elif how in ("truncate", "truncate-the-log-only"):
        database.execute("delete from audit_record where sequence > 5")
        if how == "truncate":
            database.execute("delete from api_key where name = 'four'")
    elif how == "rewrite":
        records = [record for _, record, _ in rows(database)]
        records[2] = records[2].replace(b"local", b"enemy")
        write(database, records)
    elif how == "key-valid-again":
        database.execute("update api_key set revoked_at = null where name = 'two'")
    else:
        sys.exit(f"unknown: {how}")
    database.commit()


if __name__ == "__main__":
    action, ledger, *how = sys.argv[1:]
    with sqlite3.connect(ledger) as connection:
        state(connection) if action == "state" else tamper(connection, *how)
