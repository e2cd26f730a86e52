/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_record: any header and envelope, with a CRC that fits or not. */
#include "util/spool/record.h"

#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "util/base/crc32c.h"
#include "util/base/le.h"

#define RAW_MAX_BYTES 65536

static uint8_t bytes[RAW_MAX_BYTES];

/* Makes the CRC fit where the lengths let it: else nothing behind it would
 * ever be reached. */
static void
sign(size_t size)
{
	uint64_t n = le_get32(bytes + 32);
	uint32_t crc = segment_crc_begin(le_get64(bytes + 8));

	if (n > size - RECORD_HEAD_BYTES)
		return;
	crc = crc32c(crc, bytes, 124);
	crc = crc32c(crc, bytes + RECORD_HEAD_BYTES, (size_t)n);
	le_put32(bytes + 124, crc);
}

/* What envelope_parse() promises of what it lets through. */
static void
check_envelope(const struct envelope *env)
{
	struct envelope_iter it;
	struct envelope_part part;
	struct envelope_rcpt rcpt;
	struct envelope_hash hash;
	uint32_t n = 0, of_parts = 0;

	envelope_iter_init(&it, env);
	for (; envelope_next_part(&it, &part); n++) {
		BUG_IF(part.number != n || part.domain.len == 0);
		BUG_IF(part.n_rcpts == 0 || part.n_rcpts > PART_RCPTS_MAX);
		of_parts += part.n_rcpts;
	}
	BUG_IF(n != env->n_parts || of_parts != env->n_rcpts);
	envelope_iter_init(&it, env);
	for (n = 0; envelope_next_rcpt(&it, &rcpt); n++) {
		BUG_IF(rcpt.part >= env->n_parts || rcpt.address.len == 0);
		BUG_IF(rcpt.index >= PART_RCPTS_MAX);
		BUG_IF(memchr(rcpt.address.ptr, '\n', rcpt.address.len));
	}
	BUG_IF(n != env->n_rcpts);
	envelope_iter_init(&it, env);
	for (n = 0; envelope_next_hash(&it, &hash); n++)
		BUG_IF(hash.name.len == 0);
	BUG_IF(n != env->n_hashes);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct record_head head;
	struct envelope env;
	struct str envelope;
	enum err err;

	if (size < RECORD_HEAD_BYTES || size > RAW_MAX_BYTES)
		return 0;
	memcpy(bytes, data, size);
	sign(size);
	err = record_decode(
	    &head, (struct str){ (const char *)bytes, size }, NULL, &envelope);
	if (err != ERR_OK)
		return 0;
	BUG_IF(envelope.len != head.envelope_bytes);
	BUG_IF(head.content_bytes > RECORD_CONTENT_MAX_BYTES);
	BUG_IF(head.arrival_ms < 0);
	if (envelope_parse(&env, envelope) == ERR_OK)
		check_envelope(&env);
	return 0;
}
