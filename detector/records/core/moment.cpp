#include "moment.hpp"

#include "scanner.hpp"

namespace detector {
namespace {

// The number that some digits are; negative when they are none.
int number(std::string_view digits) {
  int value = 0;
  for (const char c : digits) {
    if (!is_digit(c)) return -1;
    value = value * 10 + (c - '0');
  }
  return value;
}

int days_of_month(int year, int month) {
  constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool is_leap_year = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return kDays[month - 1] + (month == 2 && is_leap_year);
}

// Days from 1970-01-01 to a day of the Gregorian calendar: years are taken to begin in March, so that the leap day is a
// year's last. (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".)
std::int64_t days_since_1970(int year, int month, int day) {
  const int years = month <= 2 ? year - 1 : year;
  const int era = years / 400;
  const int year_of_era = years % 400;
  const int day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
  const int day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return std::int64_t{era} * 146'097 + day_of_era - 719'468;
}

}  // namespace

bool exact_time(std::string_view text, std::int64_t& seconds) {
  if (text.size() != 20 || text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' || text[16] != ':' ||
      text[19] != 'Z') {
    return false;
  }
  const int year = number(text.substr(0, 4)), month = number(text.substr(5, 2)), day = number(text.substr(8, 2));
  const int hour = number(text.substr(11, 2)), minute = number(text.substr(14, 2)), second = number(text.substr(17, 2));
  if (year < 1 || month < 1 || month > 12 || day < 1 || day > days_of_month(year, month)) return false;
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59) return false;
  seconds = days_since_1970(year, month, day) * kSecondsOfADay + hour * 3'600 + minute * 60 + second;
  return true;
}

}  // namespace detector
