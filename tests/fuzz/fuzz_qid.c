/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_qid: a text that is taken comes back, but for its case. */
#include "util/mail/qid.h"

#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "util/text/ascii.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[QID_TEXT_BYTES + 1];
	struct qid q;

	if (qid_parse((struct str){ (const char *)data, size }, &q) != ERR_OK)
		return 0;
	BUG_IF(size != QID_TEXT_BYTES);
	qid_format(&q, text);
	for (size_t i = 0; i < size; i++)
		BUG_IF(ascii_lower(text[i]) != ascii_lower((char)data[i]));
	BUG_IF(qid_time_ms(&q) < 0 || qid_time_ms(&q) > QID_TIME_MAX_MS);
	return 0;
}
