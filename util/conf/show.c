/* SPDX-License-Identifier: BSD-2-Clause */
/* show: typed fields of the configuration back to text. */
#include "util/conf/show.h"

#include <arpa/inet.h>
#include <string.h>

#include "util/base/array.h"
#include "util/conf/conf.h"

struct unit {
	uint64_t size;
	const char *name;
};

/* n in the largest unit that divides it. units end with size 1. */
static enum err
show_unit(struct outbuf *out, uint64_t n, const struct unit *units)
{
	while (n % units->size != 0 || (n == 0 && units->size > 1))
		units++;
	return outbuf_printf(
	    out, "%llu%s", (unsigned long long)(n / units->size), units->name);
}

static const struct unit time_units[] = { { 86400000, "d" }, { 3600000, "h" },
	{ 60000, "m" }, { 1000, "s" }, { 1, "ms" } };

static enum err
show_duration(struct outbuf *out, int64_t ms)
{
	if (ms == 0)
		return outbuf_add(out, STR("0s"));
	return show_unit(out, (uint64_t)ms, time_units);
}

static enum err
show_size(struct outbuf *out, uint64_t n)
{
	static const struct unit units[] = { { UINT64_C(1) << 40, "T" },
		{ 1 << 30, "G" }, { 1 << 20, "M" }, { 1 << 10, "K" },
		{ 1, "" } };

	return show_unit(out, n, units);
}

static enum err
show_rate(struct outbuf *out, const struct rate *rate)
{
	enum err err;

	if (rate->count == 0)
		return outbuf_add(out, STR("none"));
	err = outbuf_printf(out, "%u/", rate->count);
	for (size_t i = 0; i < COUNT_OF(time_units) && err == ERR_OK; i++)
		if (time_units[i].size == (uint64_t)rate->period_ms)
			return outbuf_add(out, str_from_c(time_units[i].name));
	return err == ERR_OK ? show_duration(out, rate->period_ms) : err;
}

static enum err
show_net(struct outbuf *out, const struct conf_net *net)
{
	char text[INET6_ADDRSTRLEN];

	if (inet_ntop(net->family, net->bytes, text, sizeof(text)) == NULL)
		return ERR_RANGE;
	return outbuf_printf(out, "\"%s/%u\"", text, net->bits);
}

static enum err
show_nets(struct outbuf *out, const struct conf_nets *nets)
{
	enum err err = outbuf_add(out, STR("{ "));

	for (uint32_t i = 0; i < nets->n && err == ERR_OK; i++) {
		if (i > 0)
			err = outbuf_add(out, STR(", "));
		if (err == ERR_OK)
			err = show_net(out, &nets->items[i]);
	}
	return err == ERR_OK ? outbuf_add(out, STR(" }")) : err;
}

static enum err
show_strs(struct outbuf *out, const struct conf_strs *strs, bool is_domains)
{
	enum err err = outbuf_add(out, STR("{ "));
	struct str s;

	for (uint32_t i = 0; i < strs->n && err == ERR_OK; i++) {
		s = strs->items[i];
		err = outbuf_printf(out, "%s\"%s%.*s\"", i > 0 ? ", " : "",
		    is_domains && str_starts(s, STR(".")) ? "*" : "",
		    STR_ARG(s));
	}
	return err == ERR_OK ? outbuf_add(out, STR(" }")) : err;
}

static enum err
show_quoted(struct outbuf *out, struct str s)
{
	return outbuf_printf(out, "\"%.*s\"", STR_ARG(s));
}

enum err
conf_show(const void *field, const struct conf_param *param, struct outbuf *out)
{
	unsigned choice;

	switch (param->type) {
	case CONF_IS_host:
	case CONF_IS_path:
	case CONF_IS_field:
		return show_quoted(out, *(const struct str *)field);
	case CONF_IS_number:
		return outbuf_printf(out, "%u", *(const uint32_t *)field);
	case CONF_IS_mode:
		return outbuf_printf(out, "\"%04o\"", *(const uint32_t *)field);
	case CONF_IS_duration:
		return show_duration(out, *(const int64_t *)field);
	case CONF_IS_size:
		return show_size(out, *(const uint64_t *)field);
	case CONF_IS_rate:
		return show_rate(out, field);
	case CONF_IS_addresses:
	case CONF_IS_relays:
	case CONF_IS_patterns:
		return show_strs(out, field, false);
	case CONF_IS_domains:
		return show_strs(out, field, true);
	case CONF_IS_networks:
		return show_nets(out, field);
	case CONF_IS_choice:
		memcpy(&choice, field, sizeof(choice));
		return show_quoted(out, conf_choice_word(param, choice));
	case CONF_TYPE_N:
		break;
	}
	return ERR_RANGE;
}
