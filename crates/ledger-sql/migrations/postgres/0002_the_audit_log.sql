-- The audit log. `record` is canonical JSON (RFC 8785); `hash` is the SHA-256, in hexadecimal, of
-- the 32 bytes of the hash before it (zeros before the first) followed by the bytes of `record`.

-- None for what is no JSON, as a tampered record may be.
create function audit_kind(record text) returns text language plpgsql immutable as $$
begin
    return record::json ->> 'act';
exception when others then
    return null;
end $$;

create table audit_record (
    sequence bigint primary key,
    record   text   not null,
    hash     text   not null,
    -- Computed, so that nothing outside the hash can say what a record is.
    kind     text   generated always as (audit_kind(record)) stored
);
create index audit_record_of_kind on audit_record (kind, sequence);

create function audit_record_refuses() returns trigger language plpgsql as $$
begin
    raise exception 'the audit log is append-only';
end $$;
create trigger audit_record_is_never_changed before update or delete on audit_record
    for each row execute function audit_record_refuses();
create trigger audit_record_is_never_emptied before truncate on audit_record
    for each statement execute function audit_record_refuses();
