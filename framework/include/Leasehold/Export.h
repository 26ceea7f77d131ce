#pragma once

/// @file
/// The mark of public names.

/// Marks what a shared library of Leasehold offers. All else in it is hidden: the libraries are compiled with
/// -fvisibility=hidden. Types that are thrown or asked for by dynamic_cast across libraries need the mark as well.
#if defined(__GNUC__)
#define LEASEHOLD_EXPORT [[gnu::visibility("default")]]
#else
#define LEASEHOLD_EXPORT
#endif
