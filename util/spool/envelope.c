/* SPDX-License-Identifier: BSD-2-Clause */
/* envelope: builds, checks and walks the fields of an envelope. */
#include "util/spool/envelope.h"

#include <string.h>

#include "util/base/array.h"
#include "util/base/le.h"

/* Numbers of the format: docs/design.md 16.1. */
enum field_type {
	F_PART = 1,
	F_TENANT,
	F_CAMPAIGN,
	F_SENDER,
	F_RCPT,
	F_CLIENT,
	F_HELO,
	F_AUTH,
	F_TLS,
	F_PROTOCOL,
	F_ENVID,
	F_RET,
	F_HASH,
	F_N
};

#define HEAD_BYTES 5 /* type, length */
#define PART_BYTES 4 /* before the domain */
#define RCPT_BYTES 6 /* before the address */

struct field {
	uint8_t type;
	struct str value;
};

/* Where each text stands in struct envelope_texts, and its bound. */
static const struct {
	uint8_t type;
	uint16_t max_bytes;
	size_t offset;
} text_fields[] = {
	{ F_TENANT, ENVELOPE_NAME_MAX_BYTES,
	    offsetof(struct envelope_texts, tenant) },
	{ F_CAMPAIGN, ENVELOPE_NAME_MAX_BYTES,
	    offsetof(struct envelope_texts, campaign) },
	{ F_SENDER, ENVELOPE_ADDRESS_MAX_BYTES,
	    offsetof(struct envelope_texts, sender) },
	{ F_CLIENT, ENVELOPE_TEXT_MAX_BYTES,
	    offsetof(struct envelope_texts, client) },
	{ F_HELO, ENVELOPE_TEXT_MAX_BYTES,
	    offsetof(struct envelope_texts, helo) },
	{ F_AUTH, ENVELOPE_TEXT_MAX_BYTES,
	    offsetof(struct envelope_texts, auth) },
	{ F_TLS, ENVELOPE_TEXT_MAX_BYTES,
	    offsetof(struct envelope_texts, tls) },
	{ F_PROTOCOL, ENVELOPE_TEXT_MAX_BYTES,
	    offsetof(struct envelope_texts, protocol) },
	{ F_ENVID, ENVELOPE_TEXT_MAX_BYTES,
	    offsetof(struct envelope_texts, envid) },
};

/* CR and LF would end a command line that the text is put into. */
static bool
is_clean(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] == '\r' || s.ptr[i] == '\n' || s.ptr[i] == '\0')
			return false;
	return true;
}

static enum err
check_text(struct str s, size_t min, size_t max)
{
	if (s.len < min || s.len > max)
		return ERR_RANGE;
	return is_clean(s) ? ERR_OK : ERR_SYNTAX;
}

/* --- building ------------------------------------------------------------- */

/* Begins a field of len bytes; there is room for all of it then. */
static enum err
put_head(struct outbuf *out, enum field_type type, size_t len)
{
	char head[HEAD_BYTES];

	if (outbuf_room(out) < HEAD_BYTES + len)
		return ERR_FULL;
	head[0] = (char)type;
	le_put32(head + 1, (uint32_t)len);
	outbuf_put(out, (struct str){ head, sizeof(head) });
	return ERR_OK;
}

static void
put_u16(struct outbuf *out, uint16_t n)
{
	char p[2];

	le_put16(p, n);
	outbuf_put(out, (struct str){ p, sizeof(p) });
}

enum err
envelope_put_part(struct outbuf *out, const struct envelope_part *part)
{
	enum err err;

	err = check_text(part->domain, 1, ENVELOPE_NAME_MAX_BYTES);
	if (err != ERR_OK)
		return err;
	if (part->number >= ENVELOPE_PARTS_MAX || part->n_rcpts == 0 ||
	    part->n_rcpts > PART_RCPTS_MAX)
		return ERR_RANGE;
	err = put_head(out, F_PART, PART_BYTES + part->domain.len);
	if (err != ERR_OK)
		return err;
	put_u16(out, part->number);
	put_u16(out, part->n_rcpts);
	outbuf_put(out, part->domain);
	return ERR_OK;
}

static struct str
get_text(const struct envelope_texts *texts, size_t i)
{
	struct str s;

	memcpy(&s, (const char *)texts + text_fields[i].offset, sizeof(s));
	return s;
}

static enum err
put_text(struct outbuf *out, const struct envelope_texts *texts, size_t i)
{
	struct str s = get_text(texts, i);
	enum err err;

	if (s.len == 0 && text_fields[i].type != F_SENDER)
		return ERR_OK;
	err = check_text(s, 0, text_fields[i].max_bytes);
	if (err == ERR_OK)
		err = put_head(out, text_fields[i].type, s.len);
	if (err == ERR_OK)
		outbuf_put(out, s);
	return err;
}

static enum err
put_ret(struct outbuf *out, enum dsn_ret ret)
{
	enum err err;

	if (ret == RET_DEFAULT)
		return ERR_OK;
	err = put_head(out, F_RET, 1);
	if (err == ERR_OK)
		outbuf_putc(out, (char)ret);
	return err;
}

enum err
envelope_put_texts(struct outbuf *out, const struct envelope_texts *texts)
{
	size_t before = out->len;
	enum err err = ERR_OK;

	BUG_IF(texts->ret >= RET_N);
	for (size_t i = 0; i < COUNT_OF(text_fields) && err == ERR_OK; i++)
		err = put_text(out, texts, i);
	if (err == ERR_OK)
		err = put_ret(out, texts->ret);
	if (err != ERR_OK)
		out->len = before;
	return err;
}

enum err
envelope_put_rcpt(struct outbuf *out, const struct envelope_rcpt *rcpt)
{
	enum err err;

	err = check_text(rcpt->address, 1, ENVELOPE_ADDRESS_MAX_BYTES);
	if (err == ERR_OK)
		err = check_text(rcpt->orcpt, 0, ENVELOPE_ADDRESS_MAX_BYTES);
	if (err == ERR_OK && rcpt->notify > NOTIFY_ALL)
		err = ERR_RANGE;
	if (err != ERR_OK)
		return err;
	err = put_head(
	    out, F_RCPT, RCPT_BYTES + rcpt->address.len + rcpt->orcpt.len);
	if (err != ERR_OK)
		return err;
	put_u16(out, rcpt->part);
	outbuf_putc(out, (char)rcpt->notify);
	outbuf_putc(out, 0);
	put_u16(out, (uint16_t)rcpt->address.len);
	outbuf_put(out, rcpt->address);
	outbuf_put(out, rcpt->orcpt);
	return ERR_OK;
}

enum err
envelope_put_hash(struct outbuf *out, const struct envelope_hash *hash)
{
	enum err err;

	err = check_text(hash->name, 1, ENVELOPE_NAME_MAX_BYTES);
	if (err != ERR_OK)
		return err;
	if (hash->hash.len > ENVELOPE_HASH_MAX_BYTES)
		return ERR_RANGE;
	err = put_head(out, F_HASH, 1 + hash->name.len + hash->hash.len);
	if (err != ERR_OK)
		return err;
	outbuf_putc(out, (char)hash->name.len);
	outbuf_put(out, hash->name);
	outbuf_put(out, hash->hash);
	return ERR_OK;
}

/* --- taking fields apart -------------------------------------------------- */

/* ERR_EOF: no more fields. */
static enum err
next_field(struct str *left, struct field *field)
{
	uint32_t len;

	if (left->len == 0)
		return ERR_EOF;
	if (left->len < HEAD_BYTES)
		return ERR_SYNTAX;
	field->type = (uint8_t)left->ptr[0];
	len = le_get32(left->ptr + 1);
	str_skip(left, HEAD_BYTES);
	if (len > left->len)
		return ERR_SYNTAX;
	field->value = str_head(*left, len);
	str_skip(left, len);
	return ERR_OK;
}

static enum err
decode_part(struct envelope_part *part, struct str value)
{
	if (value.len < PART_BYTES)
		return ERR_SYNTAX;
	part->number = le_get16(value.ptr);
	part->n_rcpts = le_get16(value.ptr + 2);
	part->domain = str_tail(value, PART_BYTES);
	if (part->n_rcpts == 0 || part->n_rcpts > PART_RCPTS_MAX)
		return ERR_SYNTAX;
	return check_text(part->domain, 1, ENVELOPE_NAME_MAX_BYTES);
}

static enum err
decode_rcpt(struct envelope_rcpt *rcpt, struct str value)
{
	size_t len;
	enum err err;

	if (value.len < RCPT_BYTES)
		return ERR_SYNTAX;
	rcpt->part = le_get16(value.ptr);
	rcpt->index = 0;
	rcpt->notify = (uint8_t)value.ptr[2];
	len = le_get16(value.ptr + 4);
	str_skip(&value, RCPT_BYTES);
	if (len > value.len || rcpt->notify > NOTIFY_ALL)
		return ERR_SYNTAX;
	rcpt->address = str_head(value, len);
	rcpt->orcpt = str_tail(value, len);
	err = check_text(rcpt->address, 1, ENVELOPE_ADDRESS_MAX_BYTES);
	if (err != ERR_OK)
		return err;
	return check_text(rcpt->orcpt, 0, ENVELOPE_ADDRESS_MAX_BYTES);
}

static enum err
decode_hash(struct envelope_hash *hash, struct str value)
{
	size_t len;

	if (value.len == 0)
		return ERR_SYNTAX;
	len = (uint8_t)value.ptr[0];
	str_skip(&value, 1);
	if (len > value.len || value.len - len > ENVELOPE_HASH_MAX_BYTES)
		return ERR_SYNTAX;
	hash->name = str_head(value, len);
	hash->hash = str_tail(value, len);
	return check_text(hash->name, 1, ENVELOPE_NAME_MAX_BYTES);
}

/* --- checking the whole --------------------------------------------------- */

/* What the fields so far say. Parts and recipients stand in the same order, so
 * one cursor in each holds them against each other, without a table. */
struct check {
	struct envelope *env;
	struct envelope_iter parts; /* follows the recipients */
	struct envelope_part part;  /* the one being filled */
	uint32_t owed;              /* recipients it still lacks */
	uint32_t seen;              /* bit per type that came */
	bool has_left_parts;        /* something else came after them */
};

static enum err
check_part(struct check *c, struct str value)
{
	struct envelope_part part;
	enum err err;

	err = decode_part(&part, value);
	if (err != ERR_OK)
		return err;
	if (c->has_left_parts || part.number != c->env->n_parts ||
	    c->env->n_parts == ENVELOPE_PARTS_MAX)
		return ERR_SYNTAX;
	c->env->n_parts++;
	return ERR_OK;
}

static enum err
check_rcpt(struct check *c, struct str value)
{
	struct envelope_rcpt rcpt;
	enum err err;

	err = decode_rcpt(&rcpt, value);
	if (err != ERR_OK)
		return err;
	if (c->owed == 0) {
		if (!envelope_next_part(&c->parts, &c->part))
			return ERR_SYNTAX;
		c->owed = c->part.n_rcpts;
	}
	if (rcpt.part != c->part.number)
		return ERR_SYNTAX;
	c->owed--;
	c->env->n_rcpts++;
	return ERR_OK;
}

static enum err
check_hash(struct check *c, struct str value)
{
	struct envelope_hash hash;

	if (c->env->n_hashes == ENVELOPE_HASHES_MAX)
		return ERR_SYNTAX;
	c->env->n_hashes++;
	return decode_hash(&hash, value);
}

static enum err
check_ret(struct check *c, struct str value)
{
	if (value.len != 1 || value.ptr[0] <= 0 || value.ptr[0] >= RET_N)
		return ERR_SYNTAX;
	c->env->texts.ret = (enum dsn_ret)value.ptr[0];
	return ERR_OK;
}

static enum err
check_single(struct check *c, const struct field *field)
{
	char *texts = (char *)&c->env->texts;

	if ((c->seen & 1u << field->type) != 0)
		return ERR_SYNTAX;
	c->seen |= 1u << field->type;
	if (field->type == F_RET)
		return check_ret(c, field->value);
	for (size_t i = 0; i < COUNT_OF(text_fields); i++) {
		if (text_fields[i].type != field->type)
			continue;
		memcpy(texts + text_fields[i].offset, &field->value,
		    sizeof(field->value));
		return check_text(field->value, 0, text_fields[i].max_bytes);
	}
	return ERR_OK;
}

static enum err
check_field(struct check *c, const struct field *field)
{
	if (field->type == F_PART)
		return check_part(c, field->value);
	c->has_left_parts = true;
	if (field->type == F_RCPT)
		return check_rcpt(c, field->value);
	if (field->type == F_HASH)
		return check_hash(c, field->value);
	if (field->type == 0 || field->type >= F_N)
		return ERR_OK;
	return check_single(c, field);
}

enum err
envelope_parse(struct envelope *env, struct str bytes)
{
	struct check c = { .env = env };
	struct field field;
	enum err err;

	*env = (struct envelope){ .bytes = bytes };
	if (bytes.len > ENVELOPE_MAX_BYTES)
		return ERR_SYNTAX;
	envelope_iter_init(&c.parts, env);
	while ((err = next_field(&bytes, &field)) == ERR_OK)
		if (check_field(&c, &field) != ERR_OK)
			return ERR_SYNTAX;
	if (err != ERR_EOF || env->n_parts == 0 || c.owed > 0)
		return ERR_SYNTAX;
	if ((c.seen & 1u << F_SENDER) == 0 ||
	    envelope_next_part(&c.parts, &c.part))
		return ERR_SYNTAX;
	return ERR_OK;
}

/* --- walking -------------------------------------------------------------- */

void
envelope_iter_init(struct envelope_iter *it, const struct envelope *env)
{
	*it = (struct envelope_iter){ .left = env->bytes };
}

/* Advances to the next field of that type. */
static bool
find_field(struct envelope_iter *it, enum field_type type, struct field *field)
{
	while (next_field(&it->left, field) == ERR_OK)
		if (field->type == type)
			return true;
	return false;
}

bool
envelope_next_part(struct envelope_iter *it, struct envelope_part *part)
{
	struct str before = it->left;
	struct field field;

	/* Parts come first: what is not one ends them, and is not passed. */
	if (next_field(&it->left, &field) == ERR_OK && field.type == F_PART)
		return decode_part(part, field.value) == ERR_OK;
	it->left = before;
	return false;
}

bool
envelope_next_rcpt(struct envelope_iter *it, struct envelope_rcpt *rcpt)
{
	struct field field;

	if (!find_field(it, F_RCPT, &field) ||
	    decode_rcpt(rcpt, field.value) != ERR_OK)
		return false;
	if (rcpt->part != it->part) {
		it->part = rcpt->part;
		it->index = 0;
	}
	rcpt->index = it->index++;
	return true;
}

bool
envelope_next_hash(struct envelope_iter *it, struct envelope_hash *hash)
{
	struct field field;

	return find_field(it, F_HASH, &field) &&
	    decode_hash(hash, field.value) == ERR_OK;
}

bool
envelope_find_part(
    const struct envelope *env, uint16_t number, struct envelope_part *part)
{
	struct envelope_iter it;

	envelope_iter_init(&it, env);
	while (envelope_next_part(&it, part))
		if (part->number == number)
			return true;
	return false;
}
