/* SPDX-License-Identifier: BSD-2-Clause */
/* address: the parser of envelope addresses. */
#include "util/mail/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "util/text/ascii.h"
#include "util/text/utf8.h"

#define LABEL_MAX_BYTES 63
#define ASCII_MAX 0x7f
#define C1_END 0xa0

/* Each take_X() advances s past an X, or returns false (0) and leaves s
 * anywhere: all of the path is refused then. */

static bool
take_char(struct str *s, char c)
{
	if (s->len == 0 || s->ptr[0] != c)
		return false;
	str_skip(s, 1);
	return true;
}

/* Takes one UTF-8 character that is not ASCII. U+0080 to U+009F are controls,
 * which no address holds (RFC 5198 2). */
static bool
take_utf8(struct str *s)
{
	size_t n = utf8_char_len(*s);

	if (n < 2 || (s->ptr[0] == '\xc2' && (unsigned char)s->ptr[1] < C1_END))
		return false;
	str_skip(s, n);
	return true;
}

/* atext of RFC 5322 3.2.3. */
static bool
is_atext(char c)
{
	return ascii_is_alnum(c) ||
	    (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

static bool
take_atom(struct str *s)
{
	size_t before = s->len;

	while (s->len > 0) {
		if (is_atext(s->ptr[0]))
			str_skip(s, 1);
		else if (!take_utf8(s))
			break;
	}
	return s->len < before;
}

static bool
take_dot_string(struct str *s)
{
	do {
		if (!take_atom(s))
			return false;
	} while (take_char(s, '.'));
	return true;
}

/* The opening quote is taken already. */
static bool
take_quoted(struct str *s)
{
	while (!take_char(s, '"')) {
		bool is_pair = take_char(s, '\\');

		if (s->len > 0 && ascii_is_print(s->ptr[0]))
			str_skip(s, 1);
		else if (is_pair || !take_utf8(s))
			return false;
	}
	return true;
}

static bool
take_label(struct str *s)
{
	struct str start = *s;
	size_t n;

	while (s->len > 0) {
		char c = s->ptr[0];

		if (ascii_is_alnum(c) || c == '-' || c == '_')
			str_skip(s, 1);
		else if (!take_utf8(s))
			break;
	}
	n = start.len - s->len;
	return n > 0 && n <= LABEL_MAX_BYTES && start.ptr[0] != '-' &&
	    start.ptr[n - 1] != '-';
}

/* A dot at the end is taken, but is no part of the domain. */
static bool
take_name(struct str *s, struct str *domain)
{
	struct str start = *s;
	struct str after = *s;

	do {
		if (!take_label(s))
			return false;
		after = *s;
	} while (take_char(s, '.') && s->len > 0 && s->ptr[0] != '>');
	*domain = str_head(start, start.len - after.len);
	return true;
}

static bool
is_ip(int family, struct str s)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr addr; /* the larger of the two */

	if (s.len >= sizeof(text) || memchr(s.ptr, '\0', s.len) != NULL)
		return false;
	memcpy(text, s.ptr, s.len);
	text[s.len] = '\0';
	return inet_pton(family, text, &addr) == 1;
}

/* The opening bracket is taken already; start is at it. */
static bool
take_literal(struct str *s, struct str start, struct str *domain)
{
	static const struct str tag = STR_INIT("IPv6:");
	size_t len = str_find(*s, ']');
	struct str in = str_head(*s, len);

	if (len == s->len)
		return false;
	str_skip(s, len + 1);
	*domain = str_head(start, start.len - s->len);
	if (!str_starts_nocase(in, tag))
		return is_ip(AF_INET, in);
	return is_ip(AF_INET6, str_tail(in, tag.len));
}

static bool
take_domain(struct address *a, struct str *s)
{
	struct str start = *s;

	a->is_literal = take_char(s, '[');
	if (a->is_literal)
		return take_literal(s, start, &a->domain);
	return take_name(s, &a->domain);
}

/* "@one,@two:" before the mailbox; nothing there is well, too. */
static bool
take_route(struct str *s)
{
	struct address hop;

	if (!take_char(s, '@'))
		return true;
	do {
		if (!take_domain(&hop, s))
			return false;
	} while (take_char(s, ',') && take_char(s, '@'));
	return take_char(s, ':');
}

static bool
is_local_alone_ok(struct str local, unsigned flags)
{
	if ((flags & ADDRESS_LOCAL_OK) != 0)
		return true;
	return (flags & ADDRESS_POSTMASTER_OK) != 0 &&
	    str_eq_nocase(local, STR("postmaster"));
}

static bool
has_utf8(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.ptr[i] > ASCII_MAX)
			return true;
	return false;
}

static bool
take_mailbox(struct address *a, struct str *s, unsigned flags)
{
	struct str start = *s;

	if (!(take_char(s, '"') ? take_quoted(s) : take_dot_string(s)))
		return false;
	a->local = str_head(start, start.len - s->len);
	a->whole = a->local;
	if (!take_char(s, '@'))
		return is_local_alone_ok(a->local, flags);
	if (!take_domain(a, s))
		return false;
	a->whole.len += 1 + a->domain.len;
	return true;
}

/* What is well formed: is it short enough, and allowed? */
static enum err
check(struct address *a, unsigned flags)
{
	if (a->local.len > ADDRESS_LOCAL_MAX_BYTES ||
	    a->domain.len > ADDRESS_DOMAIN_MAX_BYTES ||
	    a->whole.len > ADDRESS_MAX_BYTES)
		return ERR_RANGE;
	a->is_utf8 = has_utf8(a->whole);
	if (a->is_utf8 && (flags & ADDRESS_UTF8_OK) == 0)
		return ERR_DENIED;
	return ERR_OK;
}

enum err
address_parse_path(struct address *a, struct str *in, unsigned flags)
{
	struct str s = *in;
	struct address found = { 0 };
	enum err err;

	if (!take_char(&s, '<'))
		return ERR_SYNTAX;
	if (s.len > 0 && s.ptr[0] == '>' && (flags & ADDRESS_NULL_OK) != 0)
		found.whole.ptr = found.local.ptr = found.domain.ptr = s.ptr;
	else if (!take_route(&s) || !take_mailbox(&found, &s, flags))
		return ERR_SYNTAX;
	if (!take_char(&s, '>'))
		return ERR_SYNTAX;
	if (in->len - s.len > ADDRESS_PATH_MAX_BYTES)
		return ERR_RANGE;
	err = check(&found, flags);
	if (err != ERR_OK)
		return err;
	*a = found;
	*in = s;
	return ERR_OK;
}

enum err
address_parse(struct address *a, struct str s, unsigned flags)
{
	struct address found = { 0 };
	bool is_null = s.len == 0 && (flags & ADDRESS_NULL_OK) != 0;
	enum err err;

	if (!is_null && (!take_mailbox(&found, &s, flags) || s.len > 0))
		return ERR_SYNTAX;
	err = check(&found, flags);
	if (err == ERR_OK)
		*a = found;
	return err;
}

enum err
address_domain_key(struct str domain, struct outbuf *out)
{
	if (domain.len > 0 && domain.ptr[domain.len - 1] == '.')
		domain.len--;
	if (domain.len > outbuf_room(out))
		return ERR_FULL;
	outbuf_put(out, domain);
	str_lower(out->ptr + out->len - domain.len, domain.len);
	return ERR_OK;
}
