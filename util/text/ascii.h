/* SPDX-License-Identifier: BSD-2-Clause */
/* ascii: classes and case of characters, whatever the locale says. */
#ifndef UTIL_TEXT_ASCII_H
#define UTIL_TEXT_ASCII_H

#include <stdbool.h>
#include <stddef.h>

/* 0 to 9. */
static inline bool
ascii_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* A to Z and a to z. */
static inline bool
ascii_is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* A letter or a digit. */
static inline bool
ascii_is_alnum(char c)
{
	return ascii_is_alpha(c) || ascii_is_digit(c);
}

/* Blank, tab, CR or LF: the white space of mail and configuration. */
static inline bool
ascii_is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Blank to tilde: what may be shown as it is. */
static inline bool
ascii_is_print(char c)
{
	return c >= ' ' && c <= '~';
}

/* A to Z become a to z; any other byte stays. */
static inline char
ascii_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Makes the capital letters of n bytes at ptr small, in place. */
static inline void
str_lower(char *ptr, size_t n)
{
	for (size_t i = 0; i < n; i++)
		ptr[i] = ascii_lower(ptr[i]);
}

#endif /* UTIL_TEXT_ASCII_H */
