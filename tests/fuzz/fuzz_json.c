/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_json: any bytes become a string that a reader takes as it was meant. */
#include "util/text/json.h"

#include <stdlib.h>

#include "tests/fuzz/fuzz.h"
#include "util/text/num.h"
#include "util/text/utf8.h"

#define RAW_MAX_BYTES 1024
/* A control byte takes most: backslash, u and four digits. */
#define TEXT_MAX_BYTES (6 * RAW_MAX_BYTES + 2)

/* Takes what an escape stands for out of *s, which begins behind the
 * backslash. */
static char
unescape(struct str *s)
{
	static const char letters[] = "\"\\nrt", bytes[] = "\"\\\n\r\t";
	const char *at;
	uint64_t n;

	BUG_IF(s->len == 0);
	if (s->ptr[0] == 'u') {
		BUG_IF(s->len < 5);
		BUG_IF(num_hex_u64((struct str){ s->ptr + 1, 4 }, 0x1f, &n) !=
		    ERR_OK);
		str_skip(s, 5);
		return (char)n;
	}
	at = memchr(letters, s->ptr[0], sizeof(letters) - 1);
	BUG_IF(at == NULL);
	str_skip(s, 1);
	return bytes[at - letters];
}

/* Takes what stands for the first character of raw out of *s. */
static void
check_char(struct str *s, struct str *raw)
{
	size_t n = utf8_char_len(*raw);

	if (n == 0) {
		BUG_IF(!str_starts(*s, STR("\xef\xbf\xbd")));
		str_skip(s, 3);
		str_skip(raw, 1);
	} else if (s->ptr[0] == '\\') {
		str_skip(s, 1);
		BUG_IF(unescape(s) != raw->ptr[0]);
		str_skip(raw, 1);
	} else {
		BUG_IF((unsigned char)s->ptr[0] < ' ' || s->ptr[0] == '"');
		BUG_IF(!str_starts(*s, str_head(*raw, n)));
		str_skip(s, n);
		str_skip(raw, n);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char text[TEXT_MAX_BYTES];
	struct outbuf out = { text, 0, sizeof(text) };
	struct str raw = { (const char *)data, size };
	struct json j;
	struct str s;

	if (size > RAW_MAX_BYTES)
		return 0;
	json_init(&j, &out);
	json_str(&j, raw);
	BUG_IF(json_end(&j) != ERR_OK);
	s = outbuf_str(&out);
	BUG_IF(!utf8_is_valid(s));
	BUG_IF(s.len < 2 || s.ptr[0] != '"' || s.ptr[s.len - 1] != '"');
	s = str_head(str_tail(s, 1), s.len - 2);
	while (raw.len > 0) {
		BUG_IF(s.len == 0);
		check_char(&s, &raw);
	}
	BUG_IF(s.len > 0);
	return 0;
}
