/* SPDX-License-Identifier: BSD-2-Clause */
/* ehlo: the reader of a server's offers. */
#include "deliver/core/ehlo.h"

#include "util/base/array.h"
#include "util/text/num.h"

static const struct {
	struct str word;
	uint8_t bit;
} words[] = {
	{ STR_INIT("PIPELINING"), EHLO_PIPELINING },
	{ STR_INIT("8BITMIME"), EHLO_8BITMIME },
	{ STR_INIT("SMTPUTF8"), EHLO_SMTPUTF8 },
	{ STR_INIT("SIZE"), EHLO_SIZE },
	{ STR_INIT("DSN"), EHLO_DSN },
};

static uint8_t
bit_of(struct str word)
{
	for (size_t i = 0; i < COUNT_OF(words); i++)
		if (str_eq_nocase(word, words[i].word))
			return words[i].bit;
	return 0;
}

void
ehlo_read(struct ehlo *ehlo, const struct reply *reply)
{
	struct str rest = reply->raw, text;
	uint64_t n;

	*ehlo = (struct ehlo){ 0 };
	/* The first line greets. */
	if (!reply_next_text(&rest, &text))
		return;
	while (reply_next_text(&rest, &text)) {
		uint8_t bit = bit_of(str_take_field(&text, ' '));

		ehlo->offers |= bit;
		if (bit == EHLO_SIZE &&
		    num_u64(str_trim(text), UINT64_MAX, &n) == ERR_OK)
			ehlo->size_bytes = n;
	}
}
