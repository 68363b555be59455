-- The audit log. `record` is canonical JSON (RFC 8785); `hash` is the SHA-256, in hexadecimal, of
-- the 32 bytes of the hash before it (zeros before the first) followed by the bytes of `record`.
-- Acts from before this step stand in their own tables only.

create table audit_record (
    sequence integer primary key,
    record   text    not null,
    hash     text    not null,
    -- Computed, so that nothing outside the hash can say what a record is.
    kind     text    generated always as
        (case when json_valid(record) then json_extract(record, '$.act') end) virtual
) strict;
create index audit_record_of_kind on audit_record (kind, sequence);

create trigger audit_record_is_never_edited before update on audit_record
begin
    select raise(abort, 'the audit log is append-only');
end;
create trigger audit_record_is_never_deleted before delete on audit_record
begin
    select raise(abort, 'the audit log is append-only');
end;
-- `insert or replace` deletes without a word to the trigger above.
create trigger audit_record_is_never_replaced before insert on audit_record
when exists (select 1 from audit_record where sequence = new.sequence)
begin
    select raise(abort, 'the audit log is append-only');
end;
