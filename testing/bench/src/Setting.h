#pragma once

#include <chrono>
#include <cstddef>
#include <string>

namespace Leasehold::Bench
{

using Seconds = std::chrono::duration<double>;

enum class Scale
{
    smoke, ///< only checks that it runs; the figures mean nothing
    usual,
    extended ///< --long: also measurements of minutes to hours
};

struct BenchOptions
{
    Scale scale = Scale::usual;
    std::size_t repetitions = 7;
};

/// The size of a scenario, and a folder for its files. Used on the main thread.
class Setting
{
public:
    explicit Setting(BenchOptions options);
    ~Setting();

    bool isSmoke() const { return _options.scale == Scale::smoke; }

    template <typename Value>
    Value pick(Value smoke, Value usual, Value extended) const
    {
        return _options.scale == Scale::smoke ? smoke : _options.scale == Scale::usual ? usual : extended;
    }
    template <typename Value>
    Value pick(Value smoke, Value otherwise) const
    {
        return isSmoke() ? smoke : otherwise;
    }

    std::size_t repetitions() const { return isSmoke() ? 1 : _options.repetitions; }

    /// The length of one slice, after which the other side has its turn.
    Seconds slice() const { return Seconds(isSmoke() ? 0.02 : 0.5); }

    /// A temporary folder of this run, removed at its end.
    const std::string& folder();

private:
    BenchOptions _options;
    std::string _folder;
};

} // namespace Leasehold::Bench
