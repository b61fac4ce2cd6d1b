"""What each platform is to show: changes, their order, how they get there, whether they did."""
