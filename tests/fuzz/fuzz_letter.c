/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_letter: any message gets an envelope that commands can carry, and a
 * header section that has what it must. */
#include "ctl/core/letter.h"

#include <stdlib.h>

#include "ctl/core/heading.h"
#include "ctl/core/unixtext.h"
#include "tests/fuzz/fuzz.h"

#define IN_MAX_BYTES 4096
#define CONTENT_BYTES (UNIXTEXT_ROOM_BYTES * (IN_MAX_BYTES + 1))

static void
check_address(struct str s)
{
	struct address a;

	for (size_t i = 0; i < s.len; i++)
		BUG_IF(
		    s.ptr[i] == '\r' || s.ptr[i] == '\n' || s.ptr[i] == '\0');
	BUG_IF(address_parse(&a, s, ADDRESS_UTF8_OK) != ERR_OK);
}

/* How often the section has the field. */
static unsigned
count(struct str header, struct str name)
{
	struct heading_field f;
	unsigned n = 0;

	while (heading_next(&header, &f))
		n += str_eq_nocase(f.name, name);
	return n;
}

static void
check_header(struct str header)
{
	struct heading_field f;
	struct str rest = header;

	while (heading_next(&rest, &f))
		continue;
	BUG_IF(!str_eq(rest, STR("\r\n")));
	BUG_IF(count(header, STR("Bcc")) > 0);
	BUG_IF(count(header, STR("Resent-Bcc")) > 0);
	BUG_IF(count(header, STR("From")) + count(header, STR("Resent-From")) ==
	    0);
	BUG_IF(count(header, STR("Date")) + count(header, STR("Resent-Date")) ==
	    0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char bytes[CONTENT_BYTES], sent[CONTENT_BYTES + 4096];
	const struct letter_conf conf = { .node = STR("node.test"),
		.user = STR("me"),
		.full_name = { (const char *)data, size < 64 ? size : 64 } };
	struct outbuf content = { bytes, 0, sizeof(bytes) };
	struct outbuf header = { sent, 0, sizeof(sent) };
	struct str in = { (const char *)data, size };
	struct str left;
	struct unixtext text;
	struct letter l;

	if (size > IN_MAX_BYTES)
		return 0;
	unixtext_init(&text, true);
	BUG_IF(unixtext_decode(&text, &in, &content) != ERR_AGAIN);
	BUG_IF(unixtext_end(&text, &content) != ERR_OK);
	left = outbuf_str(&content);
	BUG_IF(letter_init(&l, &conf) != ERR_OK);
	(void)!letter_set_sender(&l, conf.full_name);
	(void)!letter_add_header_rcpts(&l, left);
	if (l.sender.len > 0)
		check_address(l.sender);
	for (size_t i = 0; i < l.n_rcpts; i++)
		check_address(l.rcpts[i]);
	BUG_IF(letter_put_header(&l, &left, true, &header) != ERR_OK);
	check_header(outbuf_str(&header));
	letter_fini(&l);
	return 0;
}
