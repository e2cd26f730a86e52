/* SPDX-License-Identifier: BSD-2-Clause */
/* dsnparam: the values of NOTIFY, RET, ENVID and ORCPT. */
#include "util/mail/dsnparam.h"

#include "util/base/array.h"
#include "util/mail/xtext.h"

static const struct {
	struct str word;
	uint8_t bit;
} notify_words[] = {
	{ STR_INIT("NEVER"), NOTIFY_NEVER },
	{ STR_INIT("SUCCESS"), NOTIFY_SUCCESS },
	{ STR_INIT("FAILURE"), NOTIFY_FAILURE },
	{ STR_INIT("DELAY"), NOTIFY_DELAY },
};

/* The bit of a word, or 0. */
static uint8_t
notify_bit(struct str word)
{
	for (size_t i = 0; i < COUNT_OF(notify_words); i++)
		if (str_eq_nocase(word, notify_words[i].word))
			return notify_words[i].bit;
	return 0;
}

enum err
dsn_parse_notify(struct str value, uint8_t *notify)
{
	bool has_more = true;
	uint8_t bits = 0;

	while (has_more) {
		uint8_t bit;

		has_more = str_find(value, ',') < value.len;
		bit = notify_bit(str_take_field(&value, ','));
		if (bit == 0)
			return ERR_SYNTAX;
		if ((bits & bit) != 0)
			return ERR_EXISTS;
		bits |= bit;
	}
	if ((bits & NOTIFY_NEVER) != 0 && bits != NOTIFY_NEVER)
		return ERR_DENIED;
	*notify = bits;
	return ERR_OK;
}

enum err
dsn_put_notify(uint8_t notify, struct outbuf *out)
{
	struct str comma = STR("");

	if (outbuf_room(out) < DSN_NOTIFY_MAX_BYTES)
		return ERR_FULL;
	for (size_t i = 0; i < COUNT_OF(notify_words); i++) {
		if ((notify & notify_words[i].bit) == 0)
			continue;
		outbuf_put(out, comma);
		outbuf_put(out, notify_words[i].word);
		comma = STR(",");
	}
	return ERR_OK;
}

static const struct str ret_words[RET_N] = {
	[RET_DEFAULT] = STR_INIT(""),
	[RET_FULL] = STR_INIT("FULL"),
	[RET_HEADERS] = STR_INIT("HDRS"),
};

enum err
dsn_parse_ret(struct str value, enum dsn_ret *ret)
{
	for (int i = RET_FULL; i < RET_N; i++)
		if (str_eq_nocase(value, ret_words[i])) {
			*ret = (enum dsn_ret)i;
			return ERR_OK;
		}
	return ERR_SYNTAX;
}

struct str
dsn_ret_text(enum dsn_ret ret)
{
	return ret_words[ret];
}

enum err
dsn_check_envid(struct str value)
{
	char bytes[XTEXT_ENVID_MAX_BYTES];
	struct outbuf plain = { bytes, 0, sizeof(bytes) };
	enum err err;

	if (value.len == 0)
		return ERR_NOTFOUND;
	err = xtext_decode(value, &plain);
	if (err != ERR_OK)
		return err;
	return xtext_is_envid(value) ? ERR_OK : ERR_RANGE;
}

static bool
is_ascii(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.ptr[i] > 0x7f)
			return false;
	return true;
}

/* What is wrong with an ORCPT that is not longer than it may be. */
static enum err
explain_orcpt(struct str value)
{
	char bytes[XTEXT_ORCPT_MAX_BYTES];
	struct outbuf plain = { bytes, 0, sizeof(bytes) };
	struct str type = str_take_field(&value, ';');
	struct xtext_orcpt o;
	enum err err;

	/* With any good address it would do. */
	outbuf_put(&plain, type);
	if (outbuf_add(&plain, STR(";x")) != ERR_OK ||
	    xtext_parse_orcpt(&o, outbuf_str(&plain)) != ERR_OK)
		return ERR_PROTO;
	if (value.len == 0)
		return ERR_NOTFOUND;
	plain.len = 0;
	err = o.is_utf8 ? xtext_decode_utf8(value, &plain)
	                : xtext_decode(value, &plain);
	return err == ERR_OK ? ERR_RANGE : err;
}

enum err
dsn_check_orcpt(struct str value, bool is_smtputf8)
{
	struct xtext_orcpt o;

	if (value.len > XTEXT_ORCPT_MAX_BYTES)
		return ERR_FULL;
	if (str_find(value, ';') == value.len)
		return ERR_PROTO;
	if (!is_smtputf8 && !is_ascii(value))
		return ERR_SYNTAX;
	if (xtext_parse_orcpt(&o, value) == ERR_OK)
		return ERR_OK;
	return explain_orcpt(value);
}
