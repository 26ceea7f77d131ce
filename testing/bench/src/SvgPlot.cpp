#include "SvgPlot.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <sstream>

namespace Leasehold::Bench
{
namespace
{

constexpr double width = 720, height = 440, left = 80, right = 20, top = 50, bottom = 60;
constexpr std::array<const char*, 6> colours{"#1f6fb4", "#d1495b", "#2e8b57", "#8e5ea2", "#e08e0b", "#555555"};

std::string escaped(const std::string& text)
{
    std::string result;
    for (const char character : text)
    {
        if (character == '&')
            result += "&amp;";
        else if (character == '<')
            result += "&lt;";
        else if (character == '>')
            result += "&gt;";
        else
            result += character;
    }
    return result;
}

std::string shortNumber(double value)
{
    std::ostringstream text;
    text.precision(6);
    text << value;
    return text.str();
}

/// Converts values to coordinates of the plot.
class Axis
{
public:
    Axis(bool isLogarithmic, double from, double to) : _isLogarithmic(isLogarithmic), _from(from), _to(to) {}

    void include(double value)
    {
        if (_isLogarithmic && value <= 0)
            return;
        _minimum = std::min(_minimum, value);
        _maximum = std::max(_maximum, value);
    }

    void finish()
    {
        if (_minimum > _maximum)
            _minimum = 1, _maximum = 10;
        if (!_isLogarithmic)
            _minimum = std::min(_minimum, 0.0);
        if (_isLogarithmic)
        {
            _minimum = std::pow(10, std::floor(std::log10(_minimum)));
            _maximum = std::pow(10, std::ceil(std::log10(_maximum)));
        }
        else
            _maximum += (_maximum - _minimum) * 0.05;
        if (_minimum == _maximum)
            _maximum = _isLogarithmic ? _minimum * 10 : _minimum + 1;
    }

    double place(double value) const
    {
        const double part = _isLogarithmic
                                ? (std::log(std::max(value, _minimum)) - std::log(_minimum)) / (std::log(_maximum) - std::log(_minimum))
                                : (value - _minimum) / (_maximum - _minimum);
        return _from + part * (_to - _from);
    }

    std::vector<double> marks() const
    {
        std::vector<double> result;
        if (_isLogarithmic)
        {
            for (double mark = _minimum; mark <= _maximum * 1.0001; mark *= 10)
                result.push_back(mark);
            return result;
        }
        const double rough = (_maximum - _minimum) / 6;
        const double power = std::pow(10, std::floor(std::log10(rough)));
        const double step = rough / power < 1.5 ? power : rough / power < 3.5 ? 2 * power : rough / power < 7.5 ? 5 * power : 10 * power;
        for (double mark = std::ceil(_minimum / step) * step; mark <= _maximum; mark += step)
            result.push_back(std::abs(mark) < step / 1000 ? 0 : mark);
        return result;
    }

private:
    bool _isLogarithmic;
    double _from, _to;
    double _minimum = std::numeric_limits<double>::max(), _maximum = std::numeric_limits<double>::lowest();
};

} // namespace

std::string svgOf(const Plot& plot)
{
    Axis x(plot.logX, left, width - right), y(plot.logY, height - bottom, top);
    for (const auto& curve : plot.curves)
        for (const auto& [valueX, valueY] : curve.points)
            x.include(valueX), y.include(valueY);
    x.finish();
    y.finish();

    std::ostringstream svg;
    const auto text = [&svg](double atX, double atY, const char* anchor, const std::string& what, const std::string& more = {}) {
        svg << "<text x=\"" << atX << "\" y=\"" << atY << "\" text-anchor=\"" << anchor << "\"" << more << ">" << escaped(what)
            << "</text>\n";
    };
    svg << "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " << width << " " << height
        << "\" font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n";
    text(width / 2, 20, "middle", plot.title, " font-size=\"15\"");
    text((left + width - right) / 2, height - 12, "middle", plot.xLabel);
    text(0, 0, "middle", plot.yLabel, " transform=\"translate(18 " + shortNumber((top + height - bottom) / 2) + ") rotate(-90)\"");
    for (const double mark : x.marks())
    {
        svg << "<path d=\"M" << x.place(mark) << " " << top << "V" << height - bottom << "\" stroke=\"#e4e4e4\"/>\n";
        text(x.place(mark), height - bottom + 18, "middle", shortNumber(mark));
    }
    for (const double mark : y.marks())
    {
        svg << "<path d=\"M" << left << " " << y.place(mark) << "H" << width - right << "\" stroke=\"#e4e4e4\"/>\n";
        text(left - 6, y.place(mark) + 4, "end", shortNumber(mark));
    }
    svg << "<path d=\"M" << left << " " << top << "V" << height - bottom << "H" << width - right << "\" stroke=\"#333\" fill=\"none\"/>\n";

    std::size_t number = 0;
    for (const auto& curve : plot.curves)
    {
        const char* const colour = colours[number % colours.size()];
        svg << "<polyline fill=\"none\" stroke-width=\"2\" stroke=\"" << colour << "\" points=\"";
        for (const auto& [valueX, valueY] : curve.points)
            svg << x.place(valueX) << "," << y.place(valueY) << " ";
        svg << "\"/>\n";
        for (const auto& [valueX, valueY] : curve.points)
            svg << "<circle r=\"3\" fill=\"" << colour << "\" cx=\"" << x.place(valueX) << "\" cy=\"" << y.place(valueY) << "\"/>\n";
        const double line = top + 14 + 16 * static_cast<double>(number);
        svg << "<path d=\"M" << left + 12 << " " << line - 4 << "h18\" stroke-width=\"2\" stroke=\"" << colour << "\"/>\n";
        text(left + 36, line, "start", curve.name);
        ++number;
    }
    svg << "</svg>\n";
    return svg.str();
}

} // namespace Leasehold::Bench
