/* SPDX-License-Identifier: BSD-2-Clause */
/* segments: a table of descriptors, counted by use. */
#include "deliver/segments.h"

#include <stdlib.h>
#include <unistd.h>

#include "util/base/fatal.h"
#include "util/spool/segread.h"

void
segments_put(struct segments *s, uint16_t place, uint64_t number, int fd)
{
	struct segment *segment = malloc(sizeof(*segment));

	BUG_IF(place >= SEGMENTS_MAX);
	if (segment == NULL)
		fatal("no memory for a segment");
	*segment = (struct segment){ .number = number, .fd = fd, .holds = 1 };
	segment_drop(&s->places[place]);
	s->places[place] = segment;
}

struct segment *
segments_hold(struct segments *s, uint16_t place, uint64_t number)
{
	struct segment *segment = s->places[place];

	if (segment == NULL || segment->number != number)
		return NULL;
	segment->holds++;
	return segment;
}

void
segment_drop(struct segment **segment)
{
	struct segment *s = *segment;

	*segment = NULL;
	if (s == NULL || --s->holds > 0)
		return;
	(void)close(s->fd);
	free(s);
}

void
segments_fini(struct segments *s)
{
	for (size_t i = 0; i < SEGMENTS_MAX; i++)
		segment_drop(&s->places[i]);
}

enum err
segment_read_head(struct segment *segment)
{
	enum err err;

	if (segment->has_head)
		return ERR_OK;
	err = segread_head(segment->fd, &segment->head);
	if (err == ERR_OK && segment->head.number != segment->number)
		err = ERR_SYNTAX;
	segment->has_head = err == ERR_OK;
	return err;
}
