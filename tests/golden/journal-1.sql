-- A journal as tidegate-agent wrote it before schema 2 (sqlite3 .dump; user_version is not part of that).
PRAGMA user_version = 1;
BEGIN TRANSACTION;
CREATE TABLE approval (follow text primary key, digest text not null, at_once integer not null) strict;
INSERT INTO "approval" VALUES('os/stable','sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',1);
CREATE TABLE event (
    token integer primary key autoincrement, id text not null unique, follow text not null,
    body text not null, sent integer not null default 0
) strict;
INSERT INTO "event" VALUES(1,'edge-1/os/stable/1/1/accepted','os/stable','{"specversion":"1.0","id":"edge-1/os/stable/1/1/accepted","source":"/tidegate/hosts/edge-1","type":"dev.tidegate.update.accepted","subject":"edge-1","time":"2026-03-02T12:00:00Z","datacontenttype":"application/json","data":{"product":"os","channel":"stable","step":"accepted","sequence":1,"digest":"sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","attempt":1,"reason":"","details":{},"durations":{}}}',1);
INSERT INTO "event" VALUES(2,'edge-1/os/stable/1/1/staged','os/stable','{"specversion":"1.0","id":"edge-1/os/stable/1/1/staged","source":"/tidegate/hosts/edge-1","type":"dev.tidegate.update.staged","subject":"edge-1","time":"2026-03-02T12:00:00Z","datacontenttype":"application/json","data":{"product":"os","channel":"stable","step":"staged","sequence":1,"digest":"sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","attempt":1,"reason":"","details":{},"durations":{}}}',0);
CREATE TABLE follow (
    follow text primary key, state text not null, memory text not null, installed integer not null
) strict;
INSERT INTO "follow" VALUES('os/stable','{"update":{"target":{"digest":"sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","sequence":1,"version":"1.0","references":["registry.example/os"],"expires":"2026-03-16T12:00:00Z","rollout":{"state":"active","seed":"seed","waves":[]},"urgency":"routine","deadline":null},"attempt":3,"previous":"sha256:0000000000000000000000000000000000000000000000000000000000000000","boot_id":"boot-1","previous_sequence":0,"reboots":0,"bytes_fetched":0,"marks":[["accepted","2026-03-02T12:00:00Z"]]},"outcome":"succeeded","failure":null,"kind":"settled"}','{"sequence":7,"accepted":"print","floor":3,"expires":"2026-03-02T12:00:00Z"}',7);
CREATE TABLE meta (name text primary key, value text not null) strict;
INSERT INTO "meta" VALUES('starts','2');
INSERT INTO "meta" VALUES('clock_floor','2026-03-02T12:00:00Z');
CREATE TABLE quarantine (
    follow text not null, digest text not null, failure text not null, primary key (follow, digest)
) strict;
INSERT INTO "quarantine" VALUES('os/stable','sha256:ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff','{"code":"health.failed","reason":"web: 503","details":{"check":"web"}}');
CREATE TABLE release (
    follow text not null, digest text not null, tries integer not null, target text not null,
    primary key (follow, digest)
) strict;
INSERT INTO "release" VALUES('os/stable','sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',3,'{"digest":"sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","sequence":1,"version":"1.0","references":["registry.example/os"],"expires":"2026-03-16T12:00:00Z","rollout":{"state":"active","seed":"seed","waves":[]},"urgency":"routine","deadline":null}');
CREATE INDEX event_unsent on event (token) where sent = 0;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('event',2);
COMMIT;
