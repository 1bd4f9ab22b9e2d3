// Gives the skin's inline state a name, so that no page needs to evaluate code from a string.
document.addEventListener("alpine:init", () => {
  Alpine.data("theme", (chosen) => theme(chosen || "auto"));
  Alpine.data("vaultShell", (tab) => ({
    activeTab: tab || "",
    openModal: false,
    sidebarMobileOpen: false,
    sidebarDesktopOpen: localStorage.getItem("sidebarDesktopOpen") !== "0",
    init() {
      this.$watch("sidebarDesktopOpen", (open) => localStorage.setItem("sidebarDesktopOpen", open ? "1" : "0"));
    },
    toggleSidebar() { this.sidebarDesktopOpen = !this.sidebarDesktopOpen; },
    toggleMobile() { this.sidebarMobileOpen = !this.sidebarMobileOpen; },
  }));
});
