/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_ledgerread: any batches and entries, with CRCs that fit or not. */
#include "util/spool/ledgerread.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"
#include "util/base/le.h"
#include "util/spool/entry.h"

#define RAW_MAX_BYTES 65536

static const struct ledger_head head = {
	.number = 3, .salt = 33, .kind = LEDGER_LOG
};
static char bytes[LEDGER_BLOCK_BYTES + RAW_MAX_BYTES];
static int fd = -1;

/* Makes salt, number and CRC of what begins like a batch fit. */
static void
sign_batches(size_t size)
{
	struct outbuf batch;
	uint64_t n;

	for (size_t at = LEDGER_BLOCK_BYTES;
	     at + LEDGER_BATCH_HEAD_BYTES <= size; at += LEDGER_BLOCK_BYTES) {
		n = le_get32(bytes + at + 24);
		if (memcmp(bytes + at, "HBAT", 4) != 0 ||
		    n > size - at - LEDGER_BATCH_HEAD_BYTES)
			continue;
		batch = (struct outbuf){ bytes + at, size - at, size - at };
		ledger_batch_stamp(&batch, &head);
	}
}

static void
check_parts(const struct ledger_entry *entry)
{
	struct entry_part p;
	struct part_state state;
	uint32_t n = 0;

	if (entry_parse_part(&p, entry) != ERR_OK)
		return;
	for (; entry_next_part(&p, &state); n++) {
		BUG_IF(state.n_rcpts == 0 || state.n_rcpts > PART_RCPTS_MAX);
		BUG_IF(state.state >= PART_STATE_N);
		BUG_IF(state.cause >= PART_CAUSE_N);
		BUG_IF(state.due_ms < 0 || state.first_try_ms < 0);
		BUG_IF(p.has_keys != (state.key.domain.len > 0));
	}
	BUG_IF(n != p.n);
}

static void
check_entry(const struct ledger_entry *entry)
{
	struct order policy;
	struct entry_note note;
	struct entry_segment segment;
	struct entry_audit audit;
	struct entry_mark mark;

	check_parts(entry);
	if (entry_parse_policy(&policy, entry) == ERR_OK)
		BUG_IF(!order_is_sound(&policy));
	if (entry_parse_note(&note, entry) == ERR_OK)
		BUG_IF(note.kind >= NOTE_KIND_N);
	if (entry_parse_segment(&segment, entry) == ERR_OK)
		BUG_IF(segment.done.len != (segment.blocks + 7) / 8);
	if (entry_parse_audit(&audit, entry) == ERR_OK)
		BUG_IF(audit.first_due_ms < 0);
	if (entry_parse_mark(&mark, entry) == ERR_OK)
		BUG_IF(entry->type != ENTRY_MARK);
}

static unsigned
read_all(uint64_t limit, size_t size)
{
	struct ledgerread *r;
	struct ledgerread_item item = { .kind = LEDGERREAD_ENTRY };
	unsigned n = 0;
	enum err err = ERR_OK;

	BUG_IF(ledgerread_new(&r, fd, limit) != ERR_OK);
	while (item.kind != LEDGERREAD_END) {
		err = ledgerread_next(r, &item);
		if (err != ERR_OK)
			break;
		BUG_IF(item.offset + item.bytes > size);
		if (item.kind != LEDGERREAD_ENTRY)
			continue;
		check_entry(&item.entry);
		n++;
	}
	BUG_IF(err != ERR_OK && err != ERR_RANGE);
	ledgerread_free(&r);
	return n;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1 || size > RAW_MAX_BYTES)
		return 0;
	if (fd < 0)
		fd = memfd_create("ledger", MFD_CLOEXEC);
	BUG_IF(fd < 0);
	size += LEDGER_BLOCK_BYTES - 1;
	ledger_head_encode(&head, (uint8_t *)bytes);
	memcpy(bytes + LEDGER_BLOCK_BYTES, data + 1, size - LEDGER_BLOCK_BYTES);
	if (data[0] % 2 == 1)
		sign_batches(size);
	BUG_IF(ftruncate(fd, 0) != 0);
	BUG_IF(pwrite(fd, bytes, size, 0) != (ssize_t)size);
	BUG_IF(read_all(size / 2, size) > read_all(LEDGERREAD_ALL, size));
	return 0;
}
