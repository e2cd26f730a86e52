/* SPDX-License-Identifier: BSD-2-Clause */
/* value: texts of the configuration to typed fields, and back. */
#include "util/conf/value.h"

#include <stdlib.h>
#include <string.h>

#include "util/base/fatal.h"
#include "util/conf/conf.h"
#include "util/text/ascii.h"

#define DOMAIN_MAX_BYTES 255
#define PATH_MAX_BYTES 1024
#define FIELD_MAX_BYTES 64
#define OCTAL_DIGITS_MIN 3
#define OCTAL_DIGITS_MAX 4

/* --- one value ------------------------------------------------------------ */

static enum err
refuse(struct conf_fault *fault, const char *what)
{
	fault->what = what;
	return ERR_SYNTAX;
}

static enum err
refuse_range(struct conf_fault *fault)
{
	fault->what = "is out of range";
	return ERR_RANGE;
}

/* Reads s as a number of that type into *n. */
static enum err
read_quantity(enum conf_type type, struct str s, uint64_t *n)
{
	struct rate rate;
	int64_t ms;
	enum err err;

	switch (type) {
	case CONF_IS_number:
		return num_u64(s, UINT32_MAX, n);
	case CONF_IS_size:
		return num_size_bytes(s, n);
	case CONF_IS_duration:
		err = num_duration_ms(s, &ms);
		*n = err == ERR_OK ? (uint64_t)ms : 0;
		return err;
	case CONF_IS_rate:
		err = num_rate(s, &rate);
		*n = err == ERR_OK ? rate.count : 0;
		return err;
	case CONF_IS_host:
	case CONF_IS_path:
	case CONF_IS_field:
	case CONF_IS_mode:
	case CONF_IS_addresses:
	case CONF_IS_relays:
	case CONF_IS_domains:
	case CONF_IS_patterns:
	case CONF_IS_networks:
	case CONF_IS_choice:
	case CONF_TYPE_N:
		break;
	}
	return ERR_SYNTAX;
}

/* A bound of the table: the count of a rate has no period there. */
static uint64_t
bound(const struct conf_param *param, const char *text)
{
	enum conf_type type = param->type;
	uint64_t n;
	enum err err;

	if (type == CONF_IS_rate)
		type = CONF_IS_number;
	err = read_quantity(type, str_from_c(text), &n);
	BUG_IF(err != ERR_OK);
	return n;
}

static enum err
set_quantity(void *field, const struct conf_param *param, struct str s,
    struct conf_fault *fault)
{
	static const char *const whats[CONF_TYPE_N] = {
		[CONF_IS_number] = "is not a number",
		[CONF_IS_duration] = "is not a duration",
		[CONF_IS_size] = "is not a size",
		[CONF_IS_rate] = "is not a rate",
	};
	struct rate rate;
	uint32_t u32;
	uint64_t n;
	enum err err = read_quantity(param->type, s, &n);

	if (err == ERR_SYNTAX)
		return refuse(fault, whats[param->type]);
	if (err != ERR_OK || n < bound(param, param->min) ||
	    n > bound(param, param->max))
		return refuse_range(fault);
	if (param->type == CONF_IS_number) {
		u32 = (uint32_t)n;
		memcpy(field, &u32, sizeof(u32));
	} else if (param->type == CONF_IS_rate) {
		err = num_rate(s, &rate);
		memcpy(field, &rate, sizeof(rate));
	} else {
		/* int64_t of a duration, uint64_t of a size */
		memcpy(field, &n, sizeof(n));
	}
	return err;
}

static enum err
set_mode(void *field, struct str s, struct conf_fault *fault)
{
	uint32_t mode = 0;

	if (s.len < OCTAL_DIGITS_MIN || s.len > OCTAL_DIGITS_MAX)
		return refuse(fault, "is not an access mode");
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] < '0' || s.ptr[i] > '7')
			return refuse(fault, "is not an access mode");
		mode = mode << 3 | (uint32_t)(s.ptr[i] - '0');
	}
	if (mode > 0777)
		return refuse_range(fault);
	memcpy(field, &mode, sizeof(mode));
	return ERR_OK;
}

static enum err
set_choice(void *field, const struct conf_param *param, struct str s,
    struct conf_fault *fault)
{
	struct str word;
	unsigned i = 0;

	do {
		word = conf_choice_word(param, i++);
	} while (word.len > 0 && !str_eq(word, s));
	if (word.len == 0)
		return refuse(fault, "is none of its words");
	i--;
	memcpy(field, &i, sizeof(i));
	return ERR_OK;
}

static bool
is_host(struct str s)
{
	if (s.len == 0 || s.len > DOMAIN_MAX_BYTES)
		return false;
	for (size_t i = 0; i < s.len; i++)
		if (!ascii_is_alnum(s.ptr[i]) && s.ptr[i] != '-' &&
		    s.ptr[i] != '.' && s.ptr[i] != '_')
			return false;
	return ascii_is_alnum(s.ptr[0]) && ascii_is_alnum(s.ptr[s.len - 1]);
}

/* RFC 5322 3.6.8: printable, and no colon. */
static bool
is_field(struct str s)
{
	if (s.len == 0 || s.len > FIELD_MAX_BYTES)
		return false;
	for (size_t i = 0; i < s.len; i++)
		if (!ascii_is_print(s.ptr[i]) || s.ptr[i] == ' ' ||
		    s.ptr[i] == ':')
			return false;
	return true;
}

static enum err
set_text(void *field, const struct conf_param *param, struct str s,
    struct conf_fault *fault)
{
	if (param->type == CONF_IS_host && !is_host(s))
		return refuse(fault, "is not a name of a host");
	if (param->type == CONF_IS_field && !is_field(s))
		return refuse(fault, "is not a name of a header field");
	if (param->type == CONF_IS_path &&
	    (s.len < 2 || s.len > PATH_MAX_BYTES || s.ptr[0] != '/'))
		return refuse(fault, "is not an absolute path");
	memcpy(field, &s, sizeof(s));
	return ERR_OK;
}

static enum err
set_scalar(void *field, const struct conf_param *param, struct str s,
    struct conf_fault *fault)
{
	switch (param->type) {
	case CONF_IS_host:
	case CONF_IS_path:
	case CONF_IS_field:
		return set_text(field, param, s, fault);
	case CONF_IS_number:
	case CONF_IS_duration:
	case CONF_IS_size:
	case CONF_IS_rate:
		return set_quantity(field, param, s, fault);
	case CONF_IS_mode:
		return set_mode(field, s, fault);
	case CONF_IS_choice:
		return set_choice(field, param, s, fault);
	case CONF_IS_addresses:
	case CONF_IS_relays:
	case CONF_IS_domains:
	case CONF_IS_patterns:
	case CONF_IS_networks:
	case CONF_TYPE_N:
		break;
	}
	return refuse(fault, "is a list");
}

/* --- lists ---------------------------------------------------------------- */

static enum err
check_network(struct str s, struct conf_net *net, struct conf_fault *fault)
{
	enum err err = conf_net_parse(s, net);

	if (err == ERR_RANGE)
		fault->what = "has bits behind its mask, or too long a mask";
	else if (err != ERR_OK)
		fault->what = "is not an IP address or network";
	return err;
}

/* Bytes that are not ASCII belong to UTF-8 (RFC 6531). */
bool
conf_is_domain_pattern(struct str s)
{
	if (str_eq(s, STR("*")))
		return true;
	if (str_starts(s, STR("*.")))
		str_skip(&s, 2);
	if (s.len == 0 || s.len > DOMAIN_MAX_BYTES || s.ptr[0] == '.')
		return false;
	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] == '*' || s.ptr[i] == '?' || s.ptr[i] == '@' ||
		    ((unsigned char)s.ptr[i] < 0x80 &&
		        (!ascii_is_print(s.ptr[i]) || s.ptr[i] == ' ')))
			return false;
	return true;
}

static enum err
check_text_item(enum conf_type type, struct str s, struct conf_fault *fault)
{
	const char *why;

	if (type == CONF_IS_addresses) {
		if (conf_address_check(s, &why) != ERR_OK)
			return refuse(fault, why);
	} else if (type == CONF_IS_relays) {
		if (conf_relay_check(s, &why) != ERR_OK)
			return refuse(fault, why);
	} else if (type == CONF_IS_domains) {
		if (!conf_is_domain_pattern(s))
			return refuse(fault,
			    "is no domain, \"*.domain\" or "
			    "\"*\"");
	} else if (s.len == 0 || s.len > DOMAIN_MAX_BYTES) {
		return refuse(fault, "is no pattern of 1 to 255 bytes");
	}
	return ERR_OK;
}

static uint32_t
count_items(const struct conf_value *list)
{
	uint32_t n = 0;

	for (const struct conf_value *v = list->first; v != NULL; v = v->next)
		n++;
	return n;
}

static enum err
set_networks(void *field, const struct conf_value *list, struct arena *arena,
    struct conf_fault *fault)
{
	uint32_t n = count_items(list);
	struct conf_net *nets = conf_alloc(arena, n * sizeof(*nets));
	struct conf_nets out = { nets, n };
	enum err err;

	for (const struct conf_value *v = list->first; v != NULL; v = v->next) {
		fault->text = v->text;
		err = check_network(v->text, nets++, fault);
		if (err != ERR_OK)
			return err;
	}
	memcpy(field, &out, sizeof(out));
	return ERR_OK;
}

static int
compare_strs(const void *a, const void *b)
{
	const struct str *x = a, *y = b;

	return str_cmp(*x, *y);
}

/* A domain as conf_domains_match() wants it: in small letters, and what is
 * "*.suffix" in the file is ".suffix". */
static struct str
dup_domain(struct arena *arena, struct str s)
{
	struct str copy;

	if (str_starts(s, STR("*.")))
		str_skip(&s, 1);
	copy = conf_dup(arena, s);
	str_lower((char *)(uintptr_t)copy.ptr, copy.len);
	return copy;
}

static enum err
set_strs(void *field, const struct conf_param *param,
    const struct conf_value *list, struct arena *arena,
    struct conf_fault *fault)
{
	uint32_t n = count_items(list), i = 0;
	struct str *strs = conf_alloc(arena, n * sizeof(*strs));
	struct conf_strs out = { strs, n };
	enum err err;

	for (const struct conf_value *v = list->first; v != NULL; v = v->next) {
		fault->text = v->text;
		err = check_text_item(param->type, v->text, fault);
		if (err != ERR_OK)
			return err;
		if (param->type == CONF_IS_domains)
			strs[i++] = dup_domain(arena, v->text);
		else
			strs[i++] = conf_dup(arena, v->text);
	}
	if (param->type == CONF_IS_domains && n > 1)
		qsort(strs, n, sizeof(strs[0]), compare_strs);
	memcpy(field, &out, sizeof(out));
	return ERR_OK;
}

static enum err
set_list(void *field, const struct conf_param *param,
    const struct conf_value *list, struct arena *arena,
    struct conf_fault *fault)
{
	for (const struct conf_value *v = list->first; v != NULL; v = v->next)
		if (v->kind == CONF_VALUE_WORD) {
			fault->text = v->text;
			return refuse(fault, "must stand in quotes");
		}
	fault->text = STR("{ }");
	if (list->first == NULL && param->dflt == NULL)
		return refuse(fault, "has nothing in it");
	if (param->type == CONF_IS_networks)
		return set_networks(field, list, arena, fault);
	return set_strs(field, param, list, arena, fault);
}

/* --- public --------------------------------------------------------------- */

enum err
conf_value_set(void *field, const struct conf_param *param,
    const struct conf_value *value, struct arena *arena,
    struct conf_fault *fault)
{
	bool is_word = conf_type_is_word(param->type);

	*fault = (struct conf_fault){ value->text, "" };
	if (conf_type_is_list(param->type)) {
		if (value->kind != CONF_VALUE_LIST)
			return refuse(fault, "is not a list in { }");
		return set_list(field, param, value, arena, fault);
	}
	if (value->kind == CONF_VALUE_LIST) {
		fault->text = STR("{ ... }");
		return refuse(fault, "is a list, but one value is wanted");
	}
	if (value->kind == CONF_VALUE_WORD && !is_word)
		return refuse(fault, "must stand in quotes");
	if (value->kind == CONF_VALUE_TEXT && is_word)
		return refuse(fault, "is not a number");
	return set_scalar(field, param, conf_dup(arena, value->text), fault);
}

void
conf_value_set_default(
    void *field, const struct conf_param *param, struct arena *arena)
{
	struct conf_fault fault;
	enum err err;

	BUG_IF(param->dflt == NULL);
	memset(field, 0, conf_type_bytes(param->type));
	if (param->dflt[0] == '\0')
		return;
	BUG_IF(conf_type_is_list(param->type));
	err = set_scalar(
	    field, param, conf_dup(arena, str_from_c(param->dflt)), &fault);
	BUG_IF(err != ERR_OK);
}
