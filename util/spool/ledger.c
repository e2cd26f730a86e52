/* SPDX-License-Identifier: BSD-2-Clause */
/* ledger: files and batches of the ledger and of checkpoints, as bytes. */
#include "util/spool/ledger.h"

#include "util/base/crc32c.h"
#include "util/base/le.h"
#include "util/spool/entry.h"
#include "util/spool/segfmt.h"
#include "util/text/num.h"

#define MAGIC_BYTES 8
#define BATCH_MAGIC_BYTES 4

static const char head_magic[MAGIC_BYTES] = "HFLED\r\n\x1a";
static const char batch_magic[BATCH_MAGIC_BYTES] = { 'H', 'B', 'A', 'T' };

/* Offsets in the file header. */
enum {
	H_VERSION = 8,
	H_KIND = 12,
	H_NUMBER = 16,
	H_SALT = 24,
	H_CREATED = 32,
	H_CRC = 40,
	H_END = 44,
};

/* Offsets in the header of a batch. */
enum {
	B_VERSION = 4,
	B_SALT = 8,
	B_NUMBER = 16,
	B_LENGTH = 24,
	B_COUNT = 28,
	B_SEQ = 32,
	B_CRC = 40,
};

/* Offsets in the header of an entry. */
enum {
	E_LENGTH = 0,
	E_TYPE = 4,
	E_VERSION = 5,
	E_SEQ = 8,
	E_WALL = 16,
	E_EVENT = 24,
	E_EVENTS = 32,
	E_FACTS = 36,
};

int
ledger_pos_cmp(struct ledger_pos a, struct ledger_pos b)
{
	if (a.file != b.file)
		return a.file < b.file ? -1 : 1;
	if (a.offset != b.offset)
		return a.offset < b.offset ? -1 : 1;
	return 0;
}

/* --- files ---------------------------------------------------------------- */

void
ledger_name_format(
    const struct ledger_head *head, char name[LEDGER_NAME_BYTES + 1])
{
	static const char digits[] = "0123456789abcdef";
	uint64_t n = head->number;

	name[0] = head->kind == LEDGER_CHECKPOINT ? 'C' : 'L';
	for (int i = LEDGER_NAME_BYTES - 1; i > 0; i--) {
		name[i] = digits[n % 16];
		n /= 16;
	}
	name[LEDGER_NAME_BYTES] = '\0';
}

enum err
ledger_name_parse(struct str s, struct ledger_head *head)
{
	if (s.len != LEDGER_NAME_BYTES || (s.ptr[0] != 'L' && s.ptr[0] != 'C'))
		return ERR_SYNTAX;
	head->kind = s.ptr[0] == 'L' ? LEDGER_LOG : LEDGER_CHECKPOINT;
	return num_hex_u64(str_tail(s, 1), UINT64_MAX, &head->number);
}

void
ledger_head_encode(const struct ledger_head *head, uint8_t *p)
{
	memset(p, 0, LEDGER_BLOCK_BYTES);
	memcpy(p, head_magic, MAGIC_BYTES);
	le_put32(p + H_VERSION, LEDGER_VERSION);
	le_put32(p + H_KIND, head->kind);
	le_put64(p + H_NUMBER, head->number);
	le_put64(p + H_SALT, head->salt);
	le_put64(p + H_CREATED, (uint64_t)head->created_ms);
	le_put32(p + H_CRC, crc32c(0, p, H_CRC));
	memcpy(p + LEDGER_COPY_AT, p, H_END);
}

static enum err
decode_head(struct ledger_head *head, struct str bytes, uint32_t *version)
{
	const uint8_t *p = (const uint8_t *)bytes.ptr;
	uint32_t v, kind;

	if (bytes.len < H_END || memcmp(p, head_magic, MAGIC_BYTES) != 0 ||
	    le_get32(p + H_CRC) != crc32c(0, p, H_CRC))
		return ERR_SYNTAX;
	v = le_get32(p + H_VERSION);
	if (version != NULL)
		*version = v;
	if (v != LEDGER_VERSION)
		return v > LEDGER_VERSION ? ERR_RANGE : ERR_SYNTAX;
	kind = le_get32(p + H_KIND);
	if (kind != LEDGER_LOG && kind != LEDGER_CHECKPOINT)
		return ERR_SYNTAX;
	*head = (struct ledger_head){
		.number = le_get64(p + H_NUMBER),
		.salt = le_get64(p + H_SALT),
		.created_ms = (int64_t)le_get64(p + H_CREATED),
		.kind = (enum ledger_kind)kind,
	};
	return head->created_ms < 0 ? ERR_SYNTAX : ERR_OK;
}

enum err
ledger_head_decode(
    struct ledger_head *head, struct str bytes, uint32_t *version)
{
	enum err err = decode_head(head, bytes, version);

	if (err != ERR_SYNTAX || bytes.len < LEDGER_COPY_AT)
		return err;
	err = decode_head(head, str_tail(bytes, LEDGER_COPY_AT), version);
	head->is_mended = err == ERR_OK;
	return err;
}

/* --- building batches ----------------------------------------------------- */

void
ledger_batch_init(
    struct ledger_batch *b, char *buf, size_t cap, uint64_t first_seq)
{
	BUG_IF(cap < (size_t)2 * LEDGER_BLOCK_BYTES);
	if (cap > LEDGER_BATCH_MAX_BYTES)
		cap = LEDGER_BATCH_MAX_BYTES;
	*b = (struct ledger_batch){
		.out = { buf, LEDGER_BATCH_HEAD_BYTES, cap },
		.first_seq = first_seq,
		.reserve_bytes = ENTRY_AUDIT_BYTES + LEDGER_BLOCK_BYTES - 1,
	};
	memset(buf, 0, LEDGER_BATCH_HEAD_BYTES);
}

enum err
ledger_entry_begin(struct ledger_batch *b, uint8_t type,
    const struct ledger_stamp *stamp, size_t body_bytes)
{
	size_t room = outbuf_room(&b->out) - b->reserve_bytes;
	size_t bytes = LEDGER_ENTRY_HEAD_BYTES + body_bytes;
	uint8_t p[LEDGER_ENTRY_HEAD_BYTES] = { 0 };

	BUG_IF(outbuf_room(&b->out) < b->reserve_bytes);
	BUG_IF(b->out.len < b->entry_end); /* the last one was not ended */
	if (bytes > LEDGER_ENTRY_MAX_BYTES || bytes > room)
		return ERR_FULL;
	b->entry_at = b->out.len;
	b->entry_end = b->out.len + bytes;
	le_put32(p + E_LENGTH, (uint32_t)bytes);
	p[E_TYPE] = type;
	p[E_VERSION] = ENTRY_VERSION;
	le_put64(p + E_SEQ, b->first_seq + b->count);
	le_put64(p + E_WALL, (uint64_t)stamp->wall_ms);
	le_put64(p + E_EVENT, stamp->first_event);
	le_put32(p + E_EVENTS, stamp->n_events);
	outbuf_put(&b->out, (struct str){ (const char *)p, sizeof(p) });
	return ERR_OK;
}

void
ledger_entry_end(struct ledger_batch *b, struct str facts)
{
	le_put32(b->out.ptr + b->entry_at + E_FACTS, (uint32_t)facts.len);
	outbuf_put(&b->out, facts);
	BUG_IF(b->out.len != b->entry_end);
	b->count++;
}

void
ledger_batch_close(struct ledger_batch *b)
{
	static const char zeros[LEDGER_BLOCK_BYTES];
	size_t length = b->out.len - LEDGER_BATCH_HEAD_BYTES;
	size_t over = b->out.len % LEDGER_BLOCK_BYTES;
	char *p = b->out.ptr;

	BUG_IF(b->count == 0);
	memcpy(p, batch_magic, BATCH_MAGIC_BYTES);
	le_put16(p + B_VERSION, LEDGER_VERSION);
	le_put32(p + B_LENGTH, (uint32_t)length);
	le_put32(p + B_COUNT, b->count);
	le_put64(p + B_SEQ, b->first_seq);
	if (over > 0)
		outbuf_put(
		    &b->out, (struct str){ zeros, LEDGER_BLOCK_BYTES - over });
}

static uint32_t
batch_crc(const uint8_t *p, const struct ledger_head *head)
{
	uint32_t crc = crc32c(segment_crc_begin(head->salt), p, B_CRC);

	return crc32c(crc, p + LEDGER_BATCH_HEAD_BYTES, le_get32(p + B_LENGTH));
}

void
ledger_batch_stamp(struct outbuf *batch, const struct ledger_head *head)
{
	uint8_t *p = (uint8_t *)batch->ptr;

	le_put64(p + B_SALT, head->salt);
	le_put64(p + B_NUMBER, head->number);
	le_put32(p + B_CRC, batch_crc(p, head));
}

/* --- reading batches ------------------------------------------------------ */

size_t
ledger_batch_bytes(const struct ledger_batch_head *batch)
{
	size_t n = LEDGER_BATCH_HEAD_BYTES + (size_t)batch->entries_bytes;

	return (n + LEDGER_BLOCK_BYTES - 1) / LEDGER_BLOCK_BYTES *
	    LEDGER_BLOCK_BYTES;
}

enum err
ledger_batch_peek(struct ledger_batch_head *batch, struct str bytes,
    const struct ledger_head *head)
{
	const uint8_t *p = (const uint8_t *)bytes.ptr;

	if (bytes.len < LEDGER_BATCH_HEAD_BYTES ||
	    memcmp(p, batch_magic, BATCH_MAGIC_BYTES) != 0 ||
	    le_get64(p + B_SALT) != head->salt ||
	    le_get64(p + B_NUMBER) != head->number)
		return ERR_NOTFOUND;
	*batch = (struct ledger_batch_head){
		.first_seq = le_get64(p + B_SEQ),
		.entries_bytes = le_get32(p + B_LENGTH),
		.count = le_get32(p + B_COUNT),
	};
	if (batch->entries_bytes >
	    LEDGER_BATCH_MAX_BYTES - LEDGER_BATCH_HEAD_BYTES)
		return ERR_SYNTAX;
	return ERR_OK;
}

bool
ledger_entry_next(struct str *entries, struct ledger_entry *entry)
{
	const uint8_t *p = (const uint8_t *)entries->ptr;
	uint32_t length, facts;

	if (entries->len < LEDGER_ENTRY_HEAD_BYTES)
		return false;
	length = le_get32(p + E_LENGTH);
	facts = le_get32(p + E_FACTS);
	if (length < LEDGER_ENTRY_HEAD_BYTES || length > entries->len ||
	    length > LEDGER_ENTRY_MAX_BYTES ||
	    facts > length - LEDGER_ENTRY_HEAD_BYTES)
		return false;
	*entry = (struct ledger_entry){
		.seq = le_get64(p + E_SEQ),
		.stamp = { .wall_ms = (int64_t)le_get64(p + E_WALL),
		    .first_event = le_get64(p + E_EVENT),
		    .n_events = le_get32(p + E_EVENTS) },
		.type = p[E_TYPE],
		.version = p[E_VERSION],
		.payload = { entries->ptr + LEDGER_ENTRY_HEAD_BYTES,
		    length - LEDGER_ENTRY_HEAD_BYTES - facts },
		.facts = { entries->ptr + length - facts, facts },
	};
	str_skip(entries, length);
	return true;
}

/* The batch is as long as its entries, and their numbers count up. */
static enum err
check_entries(const struct ledger_batch_head *batch, struct str entries)
{
	struct ledger_entry entry;
	uint32_t n = 0;

	while (ledger_entry_next(&entries, &entry))
		if (entry.seq != batch->first_seq + n++)
			return ERR_SYNTAX;
	if (entries.len > 0 || n == 0 || n != batch->count)
		return ERR_SYNTAX;
	return ERR_OK;
}

enum err
ledger_batch_decode(struct ledger_batch_head *batch, struct str bytes,
    const struct ledger_head *head, struct str *entries)
{
	const uint8_t *p = (const uint8_t *)bytes.ptr;
	uint16_t version;
	enum err err;

	err = ledger_batch_peek(batch, bytes, head);
	if (err != ERR_OK)
		return err;
	if (bytes.len - LEDGER_BATCH_HEAD_BYTES < batch->entries_bytes)
		return ERR_AGAIN;
	if (le_get32(p + B_CRC) != batch_crc(p, head))
		return ERR_SYNTAX;
	version = le_get16(p + B_VERSION);
	if (version != LEDGER_VERSION)
		return version > LEDGER_VERSION ? ERR_RANGE : ERR_SYNTAX;
	*entries = str_head(
	    str_tail(bytes, LEDGER_BATCH_HEAD_BYTES), batch->entries_bytes);
	return check_entries(batch, *entries);
}
