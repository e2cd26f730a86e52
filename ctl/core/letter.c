/* SPDX-License-Identifier: BSD-2-Clause */
/* letter: addresses with a domain, and the fields that mail must have. */
#include "ctl/core/letter.h"

#include "ctl/core/heading.h"
#include "ctl/core/phrase.h"
#include "util/base/array.h"
#include "util/mail/addrlist.h"
#include "util/text/dup.h"
#include "util/text/utf8.h"
#include "util/text/when.h"

/* Addresses, and the list of them. */
#define ARENA_MAX_BYTES (8 * 1024 * 1024)
/* local@node, where both are as long as they may be. */
#define TEXT_MAX_BYTES (ADDRESS_PATH_MAX_BYTES + 1 + ADDRESS_DOMAIN_MAX_BYTES)

static const struct str resent = STR_INIT("Resent-");

/* Fields that name recipients, and those that a sent message does not have. */
static const struct str rcpt_fields[] = { STR_INIT("To"), STR_INIT("Cc"),
	STR_INIT("Bcc") };
static const struct str dropped_fields[] = { STR_INIT("Bcc"),
	STR_INIT("Resent-Bcc"), STR_INIT("Return-Path"),
	STR_INIT("Content-Length") };

static bool
is_in(const struct str *names, size_t n, struct str name)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq_nocase(names[i], name))
			return true;
	return false;
}

static bool
has_8bit(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.ptr[i] > 0x7f)
			return true;
	return false;
}

/* --- addresses ------------------------------------------------------------ */

/* A copy of local@domain, with the node where there is no domain. */
static enum err
dup_address(struct letter *l, const struct address *a, struct str *copy)
{
	char bytes[TEXT_MAX_BYTES];
	struct outbuf text = { bytes, 0, sizeof(bytes) };

	outbuf_put(&text, a->whole);
	if (a->domain.len == 0) {
		outbuf_putc(&text, '@');
		outbuf_put(&text, l->conf->node);
	}
	if (text.len > ADDRESS_MAX_BYTES)
		return ERR_RANGE;
	*copy = str_dup(outbuf_str(&text), &l->arena);
	if (copy->len == 0)
		return ERR_FULL;
	l->is_utf8 = l->is_utf8 || has_8bit(*copy);
	return ERR_OK;
}

enum err
letter_init(struct letter *l, const struct letter_conf *conf)
{
	*l = (struct letter){ .conf = conf, .culprit = conf->user };
	arena_init(&l->arena, ARENA_MAX_BYTES);
	l->list = arena_alloc(&l->arena, LETTER_RCPTS_MAX * sizeof(l->list[0]));
	l->rcpts = l->list;
	if (l->list == NULL)
		return ERR_FULL;
	return letter_set_sender(l, conf->user);
}

void
letter_fini(struct letter *l)
{
	arena_fini(&l->arena);
	*l = (struct letter){ .conf = l->conf };
}

enum err
letter_set_sender(struct letter *l, struct str text)
{
	struct addrlist list;
	struct address a;
	struct str sender = { NULL, 0 };
	enum err err;

	l->culprit = text;
	text = str_trim(text);
	if (text.len > 0 && !str_eq(text, STR("<>"))) {
		addrlist_init(&list, text);
		err = addrlist_next(&list, &a);
		if (err == ERR_OK)
			err = dup_address(l, &a, &sender);
		if (err != ERR_OK)
			return err == ERR_EOF ? ERR_SYNTAX : err;
		if (addrlist_next(&list, &a) != ERR_EOF)
			return ERR_SYNTAX;
	}
	l->sender = sender;
	return ERR_OK;
}

static enum err
add_rcpt(struct letter *l, const struct address *a)
{
	struct str copy;
	enum err err;

	if (l->n_rcpts == LETTER_RCPTS_MAX)
		return ERR_FULL;
	err = dup_address(l, a, &copy);
	if (err != ERR_OK)
		return err;
	for (size_t i = 0; i < l->n_rcpts; i++)
		if (str_eq(l->list[i], copy))
			return ERR_OK;
	l->list[l->n_rcpts++] = copy;
	return ERR_OK;
}

enum err
letter_add_rcpts(struct letter *l, struct str list)
{
	struct addrlist walk;
	struct address a;
	enum err err;

	l->culprit = str_trim(list);
	addrlist_init(&walk, list);
	while ((err = addrlist_next(&walk, &a)) == ERR_OK) {
		err = add_rcpt(l, &a);
		if (err != ERR_OK)
			return err;
	}
	return err == ERR_EOF ? ERR_OK : err;
}

/* --- the header section --------------------------------------------------- */

/* Without the line that mbox files put before a message. */
static void
skip_from_line(struct str *content)
{
	size_t n = str_find(*content, '\n');

	if ((str_starts(*content, STR("From ")) ||
	        str_starts(*content, STR(">From "))) &&
	    n < content->len)
		str_skip(content, n + 1);
}

static bool
is_resent(struct str content)
{
	struct heading_field f;

	while (heading_next(&content, &f))
		if (str_starts_nocase(f.name, resent))
			return true;
	return false;
}

enum err
letter_add_header_rcpts(struct letter *l, struct str content)
{
	struct heading_field f;
	bool wants_resent;

	skip_from_line(&content);
	wants_resent = is_resent(content);
	while (heading_next(&content, &f)) {
		struct str name = f.name;
		enum err err = ERR_OK;

		if (str_starts_nocase(name, resent) != wants_resent)
			continue;
		if (wants_resent)
			str_skip(&name, resent.len);
		if (is_in(rcpt_fields, COUNT_OF(rcpt_fields), name))
			err = letter_add_rcpts(l, f.value);
		if (err != ERR_OK)
			return err;
	}
	return ERR_OK;
}

/* The fields that must be there, and whether they are. */
struct present {
	bool has_from, has_date, has_id;
};

static void
note_field(struct present *p, struct str name, bool wants_resent)
{
	if (wants_resent) {
		if (!str_starts_nocase(name, resent))
			return;
		str_skip(&name, resent.len);
	}
	p->has_from = p->has_from || str_eq_nocase(name, STR("From"));
	p->has_date = p->has_date || str_eq_nocase(name, STR("Date"));
	p->has_id = p->has_id || str_eq_nocase(name, STR("Message-ID"));
}

typedef enum err put_fn(const struct letter *l, struct outbuf *out);

static enum err
put_from(const struct letter *l, struct outbuf *out)
{
	struct str name = l->conf->full_name;
	enum err err = ERR_OK;

	if (l->sender.len == 0)
		return outbuf_printf(out, "From: MAILER-DAEMON@%.*s\r\n",
		    STR_ARG(l->conf->node));
	if (name.len > LETTER_NAME_MAX_BYTES)
		name.len = LETTER_NAME_MAX_BYTES;
	if (str_trim(name).len == 0)
		return outbuf_printf(out, "From: %.*s\r\n", STR_ARG(l->sender));
	err = outbuf_add(out, STR("From: "));
	if (err == ERR_OK)
		err = phrase_put(out, name);
	if (err == ERR_OK)
		err = outbuf_printf(out, " <%.*s>\r\n", STR_ARG(l->sender));
	return err;
}

static enum err
put_date(const struct letter *l, struct outbuf *out)
{
	enum err err = outbuf_add(out, STR("Date: "));

	if (err == ERR_OK)
		err = when_rfc5322(out, l->conf->now_ms);
	return err == ERR_OK ? outbuf_add(out, STR("\r\n")) : err;
}

static enum err
put_id(const struct letter *l, struct outbuf *out)
{
	return outbuf_printf(out, "Message-ID: <%llx.%016llx@%.*s>\r\n",
	    (unsigned long long)l->conf->now_ms,
	    (unsigned long long)l->conf->random, STR_ARG(l->conf->node));
}

static enum err
put_missing(const struct letter *l, const struct present *p, struct str prefix,
    struct outbuf *out)
{
	const struct {
		bool is_there;
		put_fn *put;
	} fields[] = { { p->has_from, put_from }, { p->has_date, put_date },
		{ p->has_id, put_id } };
	enum err err = ERR_OK;

	for (size_t i = 0; i < COUNT_OF(fields) && err == ERR_OK; i++) {
		if (fields[i].is_there)
			continue;
		err = outbuf_add(out, prefix);
		if (err == ERR_OK)
			err = fields[i].put(l, out);
	}
	return err;
}

/* Copies what is to be sent of the section, and notes what there is. */
static enum err
copy_fields(struct letter *l, struct str *content, struct present *p,
    struct outbuf *out)
{
	bool wants_resent = is_resent(*content);
	struct heading_field f;
	enum err err = ERR_OK;

	while (err == ERR_OK && heading_next(content, &f)) {
		note_field(p, f.name, wants_resent);
		if (is_in(dropped_fields, COUNT_OF(dropped_fields), f.name))
			continue;
		l->is_utf8 =
		    l->is_utf8 || (has_8bit(f.whole) && utf8_is_valid(f.whole));
		err = outbuf_add(out, f.whole);
	}
	if (err != ERR_OK)
		return err;
	return put_missing(l, p, wants_resent ? resent : STR(""), out);
}

enum err
letter_put_header(
    struct letter *l, struct str *content, bool is_whole, struct outbuf *out)
{
	struct present p = { 0 };
	enum err err;

	skip_from_line(content);
	err = copy_fields(l, content, &p, out);
	if (err != ERR_OK)
		return err;
	/* Without a whole line behind it the last field may go on. */
	if (!is_whole && str_find(*content, '\n') == content->len)
		return ERR_RANGE;
	if (str_starts(*content, STR("\r\n")))
		str_skip(content, 2);
	return outbuf_add(out, STR("\r\n"));
}
